import type { CatalogRecord, MachineAdd } from "@hive-registry/contract";
import type { WantedMachine } from "./hives-conf.ts";

type Labels = Readonly<Record<string, string>>;

/** What is known of one hive: its record, and whether it is heard. */
export interface ObservedHive {
  readonly record: Pick<CatalogRecord, "id" | "host" | "port" | "ssh" | "labels">;
  readonly alive: boolean;
}

/** One thing that differs, in words for people: `port 7835 → 7900`. */
export type Difference = string;

export type PlannedAction =
  | { readonly action: "add"; readonly id: string; readonly machine: MachineAdd }
  /** Something that the machine must be told: how it is reached, or its hive's port. */
  | {
      readonly action: "change";
      readonly id: string;
      readonly machine: MachineAdd;
      readonly because: readonly Difference[];
    }
  /** Only its labels, which the catalog alone keeps: the machine need not be reached. */
  | {
      readonly action: "label";
      readonly id: string;
      readonly labels: Labels;
      readonly because: readonly Difference[];
    }
  /** It is in the catalog as wanted, and silent. */
  | { readonly action: "start"; readonly id: string; readonly machine: MachineAdd }
  | { readonly action: "nothing"; readonly id: string }
  | { readonly action: "remove"; readonly id: string };

export interface PlanOptions {
  /** Removes machines that are not named. Hives without ssh (those of the queen's own machine, or put there by hand) stay. */
  readonly prune?: boolean;
}

/**
 * What has to be done so that the fleet is as wanted: in the order of the file, then what is removed, by id. What a machine does not say
 * about ssh or its hive's port is left as it is; its labels are exactly those that are wanted.
 */
export function plan(
  wanted: readonly WantedMachine[],
  observed: readonly ObservedHive[],
  options: PlanOptions = {},
): PlannedAction[] {
  const known = new Map(observed.map((hive) => [hive.record.id, hive]));
  const actions = wanted.map(({ id, machine }) => actionFor(id, machine, known.get(id)));
  if (options.prune !== true) return actions;
  const named = new Set(wanted.map(({ id }) => id));
  const removed = observed
    .filter(({ record }) => record.ssh !== undefined && !named.has(record.id))
    .map(({ record }): PlannedAction => ({ action: "remove", id: record.id }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return [...actions, ...removed];
}

function actionFor(id: string, machine: MachineAdd, hive: ObservedHive | undefined): PlannedAction {
  if (hive === undefined) return { action: "add", id, machine };
  const told = differences(machine, hive.record);
  const labels = labelDifferences(machine.labels ?? {}, hive.record.labels ?? {});
  // Adding it again tells the queen all of it, also that there are no labels.
  const whole = { ...machine, labels: machine.labels ?? {} };
  if (told.length > 0) return { action: "change", id, machine: whole, because: [...told, ...labels] };
  if (!hive.alive) return { action: "start", id, machine: whole };
  if (labels.length > 0) return { action: "label", id, labels: whole.labels, because: labels };
  return { action: "nothing", id };
}

function differences({ ssh, port }: MachineAdd, record: ObservedHive["record"]): Difference[] {
  const found: Difference[] = [];
  const compare = (name: string, wanted: string | number | undefined, is: string | number | undefined) => {
    if (wanted !== undefined && wanted !== is) found.push(`${name} ${is ?? "none"} → ${wanted}`);
  };
  compare("ssh host", ssh.host, record.ssh?.host);
  compare("ssh user", ssh.user, record.ssh?.user);
  compare("ssh port", ssh.port, record.ssh?.port);
  compare("identity file", ssh.identity_file, record.ssh?.identity_file);
  compare("jump host", ssh.proxy_jump, record.ssh?.proxy_jump);
  compare("ssh configuration", ssh.config_file, record.ssh?.config_file);
  // 0 is any free one: whichever it got.
  compare("port", port === 0 ? undefined : port, record.port);
  return found;
}

function labelDifferences(wanted: Labels, is: Labels): Difference[] {
  const of = (labels: Labels, key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  const keys = [...new Set([...Object.keys(is), ...Object.keys(wanted)])].sort();
  return keys
    .filter((key) => of(wanted, key) !== of(is, key))
    .map((key) => `label ${key} ${of(is, key) ?? "none"} → ${of(wanted, key) ?? "none"}`);
}
