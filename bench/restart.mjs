// A queen that is killed and started again while thousands of hives are connected: how soon she knows them all, how late her event loop is.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { beside, startQueen } from "./lib/programs.mjs";
import { printTable } from "./lib/table.mjs";

const HIVES = 5_000;
const WORKERS_PER_HIVE = 8;
const ROUNDS = 3;
/** As long as a supervisor takes to start her again, and so long that hives ask at their slowest. */
const AWAY_MS = [0, 10_000];
const COMPLETE_MS_MAX = 3_000;
const LOOP_DELAY_P99_MS_MAX = 100;
const ASK_EVERY_MS = 50;
const GIVE_UP_MS = 60_000;

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchRestart() {
  const folder = mkdtempSync(join(tmpdir(), "hive-bench-"));
  const first = await startQueen();
  const hives = startHives(first.port);
  let queen = first;
  const results = [];
  try {
    await complete(queen.port);
    for (const awayMs of AWAY_MS) {
      for (let round = 0; round < ROUNDS; round++) {
        const delayFile = join(folder, `${awayMs}-${round}.json`);
        process.kill(queen.pid, "SIGKILL");
        await queen.stop();
        const killedAt = performance.now();
        await pause(awayMs);
        queen = await startQueen({
          port: first.port,
          preload: beside("fleet/loop-delay.mjs"),
          env: { HIVE_BENCH_LOOP_DELAY_FILE: delayFile },
        });
        process.kill(queen.pid, "SIGUSR2");
        const listeningAt = performance.now();
        await complete(queen.port);
        const completeMs = performance.now() - listeningAt;
        process.kill(queen.pid, "SIGUSR2");
        await pause(ASK_EVERY_MS);
        const loop = JSON.parse(readFileSync(delayFile, "utf8"));
        results.push({ awayMs, deadMs: listeningAt - killedAt, completeMs, loop });
        // Connections that stood for ten seconds count as well: hives begin with the shortest pause again.
        await pause(11_000);
      }
    }
  } finally {
    hives.kill("SIGKILL");
    await once(hives, "close");
    await queen.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const rows = rowsOf(results);
  printTable(
    `Restart of a queen with 5,000 connected hives with ${WORKERS_PER_HIVE} workers, worst of ${ROUNDS}`,
    rows,
    "",
  );
  return { missed: rows.filter(({ ok }) => ok === false).length, results };
}

/** They are the hive's own links to a queen, in one process: what they compute is taken from the queen's machine, too. */
function startHives(port) {
  const args = [beside("fleet/connected.mjs"), port, HIVES, WORKERS_PER_HIVE].map(String);
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
}

async function complete(port) {
  const endMs = performance.now() + GIVE_UP_MS;
  while (performance.now() < endMs) {
    const reply = await fetch(`http://127.0.0.1:${port}/api/v1/stats`);
    const { hives, workers } = await reply.json();
    if (hives.alive === HIVES && workers.total === HIVES * WORKERS_PER_HIVE) return;
    await pause(ASK_EVERY_MS);
  }
  throw new Error(`after ${GIVE_UP_MS} ms the queen does not know all hives`);
}

function rowsOf(results) {
  const ms = (value) => `${value.toFixed(0)} ms`;
  return AWAY_MS.flatMap((awayMs) => {
    const rounds = results.filter((one) => one.awayMs === awayMs);
    const worst = (of) => Math.max(...rounds.map(of));
    const wanted = awayMs === 0;
    const away = `${(worst(({ deadMs }) => deadMs) / 1_000).toFixed(1)} s away`;
    const completeMs = worst((one) => one.completeMs);
    const p99 = worst(({ loop }) => loop.p99);
    return [
      {
        figure: `${away}: from listening to a complete view`,
        measured: ms(completeMs),
        ...(wanted ? { required: `< ${COMPLETE_MS_MAX} ms`, ok: completeMs < COMPLETE_MS_MAX } : {}),
      },
      {
        figure: "  event-loop delay meanwhile, 99th percentile",
        measured: ms(p99),
        ...(wanted ? { required: `< ${LOOP_DELAY_P99_MS_MAX} ms`, ok: p99 < LOOP_DELAY_P99_MS_MAX } : {}),
      },
      { figure: "  longest", measured: ms(worst(({ loop }) => loop.max)) },
    ];
  });
}
