// node bench/hive/discovery.mjs [--servers N] [--seconds N]
// What following inference servers costs a hive, and how soon it sees one come and go, as a line of JSON. Compile first.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EMULATOR_KINDS, startEmulator } from "../../packages/simulation/dist/index.js";
import { quantile } from "../lib/measure.mjs";
import { startQueen, startServer } from "../lib/programs.mjs";

/** Until what is compiled and looked at once is behind it: what following costs is asked, not what starting does. */
const SETTLE_MS = 20_000;
const ROUNDS = 5;
const LOOK_EVERY_MS = 5;
const TICK_MS = 10;

const { values } = parseArgs({ options: { servers: { type: "string" }, seconds: { type: "string" } } });
const [servers, seconds] = [Number(values.servers ?? 20), Number(values.seconds ?? 20)];
const program = (path) => fileURLToPath(new URL(`../../packages/${path}`, import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "hive-bench-"));

/** CPU that a process has used so far, ms: its own threads', in user mode and in the kernel. */
function cpuMs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return TICK_MS * (Number(fields[11]) + Number(fields[12]));
}

async function cpuMsASecond(pid) {
  const [before, beganMs] = [cpuMs(pid), performance.now()];
  await wait(seconds * 1_000);
  return (cpuMs(pid) - before) / ((performance.now() - beganMs) / 1_000);
}

async function msUntil(look) {
  const beganMs = performance.now();
  while (!(await look())) {
    if (performance.now() - beganMs > 30_000) throw new Error("not seen within 30 s");
    await wait(LOOK_EVERY_MS);
  }
  return performance.now() - beganMs;
}

const emulators = [];
const ends = [];
try {
  const queen = await startQueen();
  ends.push(queen.stop);
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HIVE_")));
  const args = [program("hive/dist/main.js"), "--queen", `http://127.0.0.1:${queen.port}`, "--port", "0", "--no-demo"];
  const hive = await startServer([...args, "--log-level", "silent"], {
    ...ours,
    XDG_STATE_HOME: dir,
    XDG_CONFIG_HOME: dir,
  });
  ends.push(hive.stop);
  const ask = async (path) => (await fetch(`http://127.0.0.1:${queen.port}${path}`)).json();
  /** Of the emulators; other servers that run on this machine are found too. */
  const followedNow = async () => {
    const ids = (await ask("/api/v1/workers")).workers.map(({ worker }) => worker.worker_id);
    return emulators.filter(({ port }) => ids.some((id) => id.endsWith(`-${port}`))).length;
  };

  await wait(SETTLE_MS);
  const alone = await cpuMsASecond(hive.pid);

  const [seen, unrouted] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const model = `model-${round}`;
    const words = ["--engine", "llama-server", "--port", "0", "--models", model];
    const server = spawn(process.execPath, [program("simulation/dist/servers/main.js"), ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    ends.push(async () => void server.kill("SIGKILL"));
    await once(server.stdout, "data");
    const isRouted = async () => (await ask(`/api/v1/workers?model=${model}`)).workers.length > 0;
    seen.push(await msUntil(isRouted));
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
    unrouted.push(await msUntil(async () => !(await isRouted())));
  }

  for (let at = 0; at < servers; at++) {
    emulators.push(await startEmulator(EMULATOR_KINDS[at % EMULATOR_KINDS.length], { models: [`of-${at}`] }));
  }
  await msUntil(async () => (await followedNow()) === servers);
  // Each runs something, so that none of them is asked less often.
  for (const emulator of emulators) await emulator.control({ running: 1 });
  await wait(SETTLE_MS);
  const followed = await cpuMsASecond(hive.pid);

  const spread = (all) => ({ median: quantile(all, 0.5), slowest: Math.max(...all) });
  const result = { servers, alone_ms_per_s: alone, followed_ms_per_s: followed };
  console.log(JSON.stringify({ ...result, seen_ms: spread(seen), unrouted_ms: spread(unrouted) }));
} finally {
  for (const emulator of emulators) await emulator.stop();
  for (const end of ends.reverse()) await end();
  rmSync(dir, { recursive: true, force: true });
}
