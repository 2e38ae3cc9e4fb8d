// A large fleet against one queen for a minute: how long a question waits, how late the queen's event loop is, what it holds.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { heartbeatText, randomFrom } from "./lib/payloads.mjs";
import { beside, cpuMs, peakRssBytes, resultOf, startQueen } from "./lib/programs.mjs";
import { grouped, printTable } from "./lib/table.mjs";

const ROUTE_P99_MS_MAX = 10;
const LOOP_DELAY_P99_MS_MAX = 20;
const RSS_MB_MAX = 600;
/** The same questions to a queen that has nothing else to do: what this machine takes for them. */
const QUIET_SECONDS = 5;

/** @param {{ seconds: number }} options @returns {Promise<{ missed: number, results: object }>} */
export async function benchFleet({ seconds }) {
  const folder = mkdtempSync(join(tmpdir(), "hive-bench-"));
  try {
    const results = await measure(seconds, join(folder, "loop-delay.json"));
    const rows = rowsOf(results);
    printTable(
      `Fleet, 10,000 hives with 8 workers beating every 5 s, for ${seconds} s (${grouped(Math.round(results.load.perSecond))} heartbeats/s)`,
      rows,
      "a queen without load",
    );
    return { missed: rows.filter(({ ok }) => ok === false).length, results };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(seconds, delayFile) {
  const queen = await startQueen({
    preload: beside("fleet/loop-delay.mjs"),
    env: { HIVE_BENCH_LOOP_DELAY_FILE: delayFile },
  });
  let stopped = false;
  try {
    await beatOnce(queen.port);
    const quiet = await resultOf("fleet/prober.mjs", [queen.port, QUIET_SECONDS]);
    const load = startLoad(queen.port, seconds + 1);
    await load.next();
    process.kill(queen.pid, "SIGUSR2");
    const cpuBefore = cpuMs(queen.pid);
    const route = await resultOf("fleet/prober.mjs", [queen.port, seconds]);
    const cpuShare = (cpuMs(queen.pid) - cpuBefore) / (seconds * 1_000);
    const peakBytes = peakRssBytes(queen.pid);
    const sent = await load.next();
    await load.end;
    await queen.stop();
    stopped = true;
    return { quiet, route, load: sent, cpuShare, peakBytes, loop: JSON.parse(readFileSync(delayFile, "utf8")) };
  } finally {
    if (!stopped) await queen.stop();
  }
}

/** So that there is a worker to answer with before the fleet comes. */
async function beatOnce(port) {
  const body = heartbeatText({ hive: 0, workers: 8, models: 8, atMs: Date.now(), seq: 1, random: randomFrom(1) });
  const headers = { "content-type": "application/json" };
  const reply = await fetch(`http://127.0.0.1:${port}/api/v1/heartbeat`, { method: "POST", headers, body });
  if (!reply.ok) throw new Error(`the queen answered ${await reply.text()}`);
}

/** The load's lines, one by one. */
function startLoad(port, seconds) {
  const load = spawn(process.execPath, [beside("fleet/load.mjs"), String(port), String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const end = once(load, "close");
  const lines = createInterface(load.stdout)[Symbol.asyncIterator]();
  return {
    end,
    async next() {
      const { value, done } = await lines.next();
      if (done) throw new Error("the load ended early");
      return JSON.parse(value);
    },
  };
}

function rowsOf({ quiet, route, load, cpuShare, peakBytes, loop }) {
  const ms = (value) => `${value.toFixed(2)} ms`;
  const rss = peakBytes / 1e6;
  return [
    {
      figure: "GET /api/v1/route, 99th percentile",
      measured: ms(route.p99),
      ratio: `${(route.p99 / quiet.p99).toFixed(1)}×`,
      required: `< ${ROUTE_P99_MS_MAX} ms`,
      ok: route.p99 < ROUTE_P99_MS_MAX,
    },
    { figure: "  median", measured: ms(route.p50), ratio: `${(route.p50 / quiet.p50).toFixed(1)}×` },
    { figure: "  longest", measured: ms(route.max) },
    {
      figure: "  how late an idle process was meanwhile, 99th percentile",
      measured: ms(route.late.p99),
      ratio: `${(route.late.p99 / quiet.late.p99).toFixed(1)}×`,
    },
    {
      figure: "  failed, and heartbeats refused",
      measured: `${route.failed} of ${grouped(route.asked)}, ${load.refused}`,
      required: "0",
      ok: route.failed === 0 && load.refused === 0,
    },
    {
      figure: "event-loop delay, 99th percentile",
      measured: ms(loop.p99),
      required: `< ${LOOP_DELAY_P99_MS_MAX} ms`,
      ok: loop.p99 < LOOP_DELAY_P99_MS_MAX,
    },
    { figure: "  99.9th percentile, longest", measured: `${ms(loop.p999)}, ${ms(loop.max)}` },
    {
      figure: "resident memory, peak",
      measured: `${rss.toFixed(0)} MB`,
      required: `< ${RSS_MB_MAX} MB`,
      ok: rss < RSS_MB_MAX,
    },
    { figure: "processor", measured: `${(cpuShare * 100).toFixed(0)} % of a core` },
  ];
}
