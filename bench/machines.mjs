// A machine in one line: how long `hive add` takes on a clean account until its hive beats, how long when there is nothing to do, and ten by
// `hive apply`. The machines are sshds of this one, each with an own empty home.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { quantile } from "./lib/measure.mjs";
import { startServer } from "./lib/programs.mjs";
import { duration, printTable } from "./lib/table.mjs";

const ROUNDS = 5;
const FLEET = 10;
const ADD_MS_MAX = 8_000;
const AGAIN_MS_MAX = 2_000;
const APPLY_MS_MAX = 20_000;
const ACCEPTED_MS_MAX = 50;
const ROOT = fileURLToPath(new URL("../", import.meta.url));

const took = (ms) => duration(ms * 1e6);

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchMachines() {
  const { needPrograms } = await import("../scripts/system-packages.mjs");
  needPrograms(["sshd"]);
  const { bundle } = await import("../scripts/bundle.mjs");
  await bundle(ROOT);
  const home = mkdtempSync(join(tmpdir(), "hive-bench-"));
  const ends = [() => rmSync(home, { recursive: true, force: true })];
  try {
    const startSshd = await sshdStarter(home);
    const env = environment(home);
    const queen = await startServer(
      [join(ROOT, "packages/queen/dist/bundle.js"), "--port", "0", "--log-level", "silent"],
      env,
    );
    ends.push(queen.stop);
    const aMachine = async (alias) => {
      const machine = await startSshd({ alias, env: { HIVE_DISCOVER: "false", HIVE_WORKER_PORT_START: "0" } });
      ends.push(machine.stop);
      return machine;
    };
    const url = `http://127.0.0.1:${queen.port}`;
    const hive = (...words) => commandMs([...words, "--queen", url], env);

    const measured = { add: [], again: [], accepted: [], apply: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const name = `machine-${round}`;
      const machine = await aMachine(name);
      const add = ["add", name, "--ssh-config", machine.config_file, "--port", "0"];
      measured.add.push(await hive(...add));
      measured.again.push(await hive(...add));
      measured.accepted.push(await acceptedMs(url, name, machine));
    }
    const names = Array.from({ length: FLEET }, (_, at) => `rack-${at}`);
    const machines = await Promise.all(names.map(aMachine));
    const [sshConfig, conf] = [join(home, "ssh_config"), join(home, "hives.conf")];
    writeFileSync(sshConfig, machines.map((one) => readFileSync(one.config_file, "utf8")).join("\n"));
    writeFileSync(conf, names.map((name) => `Host ${name}\n  HivePort 0\n`).join("\n"));
    measured.apply = await hive("apply", "--yes", "--file", conf, "--ssh-config", sshConfig);

    const rows = rowsOf(measured);
    printTable(`Machines over SSH: median of ${ROUNDS}, and ${FLEET} at once`, rows);
    return { missed: rows.filter(({ ok }) => ok === false).length, results: measured };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** The sshd of the tests, which is written in TypeScript. */
async function sshdStarter(folder) {
  const { build } = await import("esbuild");
  const outfile = join(folder, "sshd.mjs");
  const entry = join(ROOT, "packages/lifecycle/src/testing/sshd.ts");
  await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm", logLevel: "warning" });
  return (await import(pathToFileURL(outfile).href)).startSshd;
}

function environment(home) {
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HIVE_")));
  return { ...ours, XDG_STATE_HOME: join(home, "state"), XDG_CONFIG_HOME: join(home, "config") };
}

/** From its start to its end, which must be a good one. */
async function commandMs(words, env) {
  const startedAt = performance.now();
  const command = spawn(process.execPath, [join(ROOT, "packages/cli/dist/bundle.js"), ...words], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [command.stdout, command.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      said += text;
    });
  }
  const [code] = await once(command, "close");
  if (code !== 0) throw new Error(`hive ${words.join(" ")} ended with ${code}: ${said}`);
  return performance.now() - startedAt;
}

/** Until the queen has taken the request; waits for the operation's end. */
async function acceptedMs(url, name, { ssh }) {
  const startedAt = performance.now();
  const response = await fetch(`${url}/api/v1/catalog/hives/${name}/add`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ssh, port: 0 }),
  });
  const { operation_id } = await response.json();
  const ms = performance.now() - startedAt;
  if (response.status !== 202) throw new Error(`the queen answered ${response.status}`);
  const headers = { accept: "text/event-stream" };
  await (await fetch(`${url}/api/v1/operations/${operation_id}`, { headers })).text();
  return ms;
}

function rowsOf({ add, again, accepted, apply }) {
  const row = (figure, all, maxMs) => ({
    figure,
    measured: `${took(quantile(all, 0.5))} (${took(Math.min(...all))} to ${took(Math.max(...all))})`,
    required: `at most ${took(maxMs)}`,
    ok: quantile(all, 0.5) <= maxMs,
  });
  return [
    row("hive add, clean account, to the first heartbeat", add, ADD_MS_MAX),
    row("hive add again", again, AGAIN_MS_MAX),
    row("the queen's answer", accepted, ACCEPTED_MS_MAX),
    row(`hive apply, ${FLEET} clean accounts`, [apply], APPLY_MS_MAX),
  ];
}
