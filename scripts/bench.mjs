// npm run bench: what we claim about speed, measured here and now, as ratios in one run.
// npm run bench -- [NAME …] [--json FILE] [--seconds N]   Names: those of BENCHES below.
// Nothing named: all of them. Exit 1 when a claim is missed.
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { benchDashboard } from "../bench/dashboard-page.mjs";
import { benchDashboards } from "../bench/dashboards.mjs";
import { benchEnds } from "../bench/ends.mjs";
import { benchFleet } from "../bench/fleet.mjs";
import { benchGateway } from "../bench/gateway.mjs";
import { benchHive } from "../bench/hive.mjs";
import { benchIngest } from "../bench/ingest.mjs";
import { benchMachines } from "../bench/machines.mjs";
import { benchRegistry } from "../bench/registry.mjs";
import { benchRestart } from "../bench/restart.mjs";
import { benchSdk } from "../bench/sdk.mjs";
import { benchSimulation } from "../bench/simulation.mjs";
import { benchStart } from "../bench/start.mjs";
import { dashboard } from "./dashboard.mjs";
import { build, install, requireNode, root } from "./prepare.mjs";

const BENCHES = {
  registry: benchRegistry,
  ingest: benchIngest,
  fleet: benchFleet,
  restart: benchRestart,
  ends: benchEnds,
  dashboard: benchDashboard,
  dashboards: benchDashboards,
  gateway: benchGateway,
  sdk: benchSdk,
  hive: benchHive,
  machines: benchMachines,
  simulation: benchSimulation,
  start: benchStart,
};

const wanted = readArguments();
requireNode();
install();
build();
await dashboard(root);

const machine = {
  node: process.version,
  cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? "unknown"}`,
  load_average: loadavg()[0],
  at: new Date().toISOString(),
};
console.log(`Node ${machine.node}, ${machine.cpu}, load ${machine.load_average.toFixed(2)}, ${machine.at}`);
const report = { machine, benches: {} };
let missed = 0;
for (const name of wanted.names) {
  const outcome = await BENCHES[name](wanted);
  missed += outcome.missed;
  report.benches[name] = outcome;
}
if (wanted.json !== undefined) writeFileSync(wanted.json, `${JSON.stringify(report, null, 2)}\n`);
console.log(missed === 0 ? "\nEvery claim holds." : `\n${missed} missed.`);
process.exitCode = missed === 0 ? 0 : 1;

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: "string" }, seconds: { type: "string", default: "60" } },
    });
    const unknown = positionals.find((name) => !(name in BENCHES));
    if (unknown !== undefined) throw new Error(`no bench is called ${unknown}: ${Object.keys(BENCHES).join(", ")}`);
    const seconds = Number(values.seconds);
    if (!Number.isInteger(seconds) || seconds < 1) throw new Error("--seconds must be a whole number from 1");
    return { names: positionals.length > 0 ? positionals : Object.keys(BENCHES), json: values.json, seconds };
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}
