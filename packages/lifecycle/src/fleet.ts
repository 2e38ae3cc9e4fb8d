export {
  HIVES_CONF_CHARS_MAX,
  HivesConfError,
  MACHINES_MAX,
  parseHivesConf,
  type WantedMachine,
} from "./fleet/hives-conf.ts";
export { type Difference, type ObservedHive, type PlannedAction, type PlanOptions, plan } from "./fleet/plan.ts";
