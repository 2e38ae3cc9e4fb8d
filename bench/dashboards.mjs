// What three watchers that draw the fleet cost a queen to which 10,000 hives with 8 workers beat every 5 s.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { createInterface } from "node:readline";
import { quantile } from "./lib/measure.mjs";
import { beside, cpuMs, startQueen } from "./lib/programs.mjs";
import { printTable } from "./lib/table.mjs";

const WATCHERS = 3;
/** As the dashboard asks for. */
const HIVES_PER_SECOND = 500;
/** With and without watchers in turn, so that what else the machine does meets both. */
const ROUNDS = 3;
const ROUND_MS = 5_000;
const SHARE_MAX = 0.1;
const FIRST_PICTURE_MS_MAX = 2_000;
const HIVES = 10_000;

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchDashboards() {
  const results = await measure();
  const rows = rowsOf(results);
  printTable(`${WATCHERS} watchers at ${HIVES_PER_SECOND} hives a second, 10,000 hives with 8 workers`, rows, "");
  return { missed: rows.filter(({ ok }) => ok === false).length, results };
}

async function measure() {
  const queen = await startQueen();
  const load = spawn(process.execPath, [beside("fleet/load.mjs"), String(queen.port), "600"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(createInterface(load.stdout), "line");
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      const without = await shareOf(queen.pid);
      const watchers = Array.from({ length: WATCHERS }, () => watch(queen.port));
      const pictures = await Promise.all(watchers.map(({ picture }) => picture));
      const bytesBefore = watchers.reduce((sum, { bytes }) => sum + bytes(), 0);
      const watched = await shareOf(queen.pid);
      const bytes = watchers.reduce((sum, { bytes }) => sum + bytes(), 0) - bytesBefore;
      for (const { end } of watchers) end();
      rounds.push({ without, watched, pictureMs: Math.max(...pictures), bytesPerSecond: (bytes * 1_000) / ROUND_MS });
    }
    return rounds;
  } finally {
    const closed = once(load, "close");
    load.kill("SIGTERM");
    await closed;
    await queen.stop();
  }
}

/** Reads and throws away; counts changes until every hive was told. */
function watch(port) {
  let bytes = 0;
  let told = 0;
  let done;
  const startedAt = performance.now();
  const picture = new Promise((resolve) => {
    done = resolve;
  });
  const call = get({ port, host: "127.0.0.1", path: `/api/v1/watch?hives_per_second=${HIVES_PER_SECOND}` }, (reply) => {
    reply.on("data", (chunk) => {
      bytes += chunk.length;
      if (told >= HIVES) return;
      for (let at = chunk.indexOf('"report":'); at !== -1; at = chunk.indexOf('"report":', at + 1)) told++;
      // A piece may end inside the word: a few in ten thousand.
      if (told >= HIVES * 0.99) {
        told = HIVES;
        done(performance.now() - startedAt);
      }
    });
  });
  call.on("error", () => {});
  return { picture, bytes: () => bytes, end: () => call.destroy() };
}

async function shareOf(pid) {
  const before = cpuMs(pid);
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
  return (cpuMs(pid) - before) / (performance.now() - from);
}

function rowsOf(rounds) {
  const median = (of) => quantile(rounds.map(of), 0.5);
  const percent = (share) => `${(share * 100).toFixed(1)} % of a core`;
  const share = median(({ without, watched }) => watched - without);
  const pictureMs = median((round) => round.pictureMs);
  return [
    { figure: "the queen without them", measured: percent(median(({ without }) => without)) },
    {
      figure: "what they cost her",
      measured: percent(share),
      required: `< ${percent(SHARE_MAX)}`,
      ok: share < SHARE_MAX,
    },
    {
      figure: "the whole fleet is told to all",
      measured: `${pictureMs.toFixed(0)} ms`,
      required: `< ${FIRST_PICTURE_MS_MAX} ms`,
      ok: pictureMs < FIRST_PICTURE_MS_MAX,
    },
    {
      figure: "what each reads",
      measured: `${(median(({ bytesPerSecond }) => bytesPerSecond) / WATCHERS / 1e6).toFixed(2)} MB/s`,
    },
  ];
}
