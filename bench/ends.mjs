// How soon nobody is sent any more to a worker that was killed, or to the workers of a hive that was killed: real programs, kill -9.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { quantile } from "./lib/measure.mjs";
import { startQueen, startServer } from "./lib/programs.mjs";
import { printTable } from "./lib/table.mjs";

const ROUNDS = 8;
const NOT_CHOSEN_MS_MAX = 200;
const ASK_EVERY_MS = 2;
const GIVE_UP_MS = 60_000;
const MODEL = "hive-demo";

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchEnds() {
  const folder = mkdtempSync(join(tmpdir(), "hive-bench-"));
  const queen = await startQueen();
  let hive;
  const results = { worker: [], hive: [] };
  try {
    hive = await startHive(queen.port, folder);
    for (let round = 0; round < ROUNDS; round++) {
      await until(queen.port, true);
      process.kill(workerOf(hive.pid), "SIGKILL");
      results.worker.push(await until(queen.port, false));
    }
    for (let round = 0; round < ROUNDS; round++) {
      await until(queen.port, true);
      process.kill(hive.pid, "SIGKILL");
      results.hive.push(await until(queen.port, false));
      await hive.stop();
      hive = await startHive(queen.port, folder);
    }
  } finally {
    await hive?.stop();
    await queen.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const rows = [
    rowOf("a worker's process is killed: not chosen any more after", results.worker),
    rowOf("a hive is killed: its workers not chosen any more after", results.hive),
  ];
  printTable(`Ends, by kill -9: median of ${ROUNDS}, and the slowest`, rows, "");
  return { missed: rows.filter(({ ok }) => ok === false).length, results };
}

async function startHive(port, folder) {
  const { serverCommand } = await import("../packages/cli/dist/servers/commands.js");
  const [, ...program] = serverCommand("hive");
  const args = ["--queen", `http://127.0.0.1:${port}`, "--port", "0", "--id", "bench", "--state-dir", folder];
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HIVE_")));
  const env = { ...ours, XDG_CONFIG_HOME: folder, HIVE_DISCOVER: "false", HIVE_WORKER_PORT_START: "0" };
  return startServer([...program, ...args, "--log-level", "silent"], env);
}

/** The worker's process: the hive's child. */
function workerOf(pid) {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      if (parent === pid && readFileSync(`/proc/${name}/cmdline`, "latin1").includes("--worker-id"))
        return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error("the hive has no worker");
}

/** Until a request would, or would not, be sent to a worker. Returns how long that took, ms. */
async function until(port, chosen) {
  const startedAt = performance.now();
  while (performance.now() - startedAt < GIVE_UP_MS) {
    const askedAt = performance.now();
    const reply = await fetch(`http://127.0.0.1:${port}/api/v1/reservations`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL }),
    });
    const { reservation_id } = await reply.json();
    if (reply.ok) await fetch(`http://127.0.0.1:${port}/api/v1/reservations/${reservation_id}`, { method: "DELETE" });
    if (reply.ok === chosen) return askedAt - startedAt;
    await pause(ASK_EVERY_MS);
  }
  throw new Error(`after ${GIVE_UP_MS} ms the worker is ${chosen ? "not" : "still"} chosen`);
}

function rowOf(figure, took) {
  const slowest = Math.max(...took);
  return {
    figure,
    measured: `${quantile(took, 0.5).toFixed(0)} ms, slowest ${slowest.toFixed(0)}`,
    required: `< ${NOT_CHOSEN_MS_MAX} ms`,
    ok: slowest < NOT_CHOSEN_MS_MAX,
  };
}
