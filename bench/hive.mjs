// What a hive's own process costs on the machine that it watches: sampling 20 workers and 8 GPUs, following 20 servers;
// and how soon it sees a server come and go.
import { resultOf } from "./lib/programs.mjs";
import { printTable } from "./lib/table.mjs";

const MAKERS = { none: "no GPU", nvidia: "8 NVIDIA GPUs, by nvidia-smi", amd: "8 AMD GPUs, from /sys" };
/** Of one core's time, for either. */
const MS_PER_S_MAX = 20;
const SEEN_MS_MAX = 2_000;
/** From the end of a process to the moment when the queen routes to it no more. */
const UNROUTED_MS_MAX = 200;
const SERVERS = 20;
const SECONDS_MAX = 20;

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchHive({ seconds = SECONDS_MAX } = {}) {
  const sampling = await benchSampling();
  const discovery = await benchDiscovery(Math.min(seconds, SECONDS_MAX));
  return {
    missed: sampling.missed + discovery.missed,
    results: { sampling: sampling.results, discovery: discovery.results },
  };
}

async function benchSampling() {
  const results = {};
  for (const maker of Object.keys(MAKERS)) results[maker] = await resultOf("hive/sampling.mjs", [maker]);
  const rows = Object.entries(results).flatMap(([maker, { round_ms, ms_per_s, processes }]) => [
    {
      figure: `${MAKERS[maker]}: one round among ${processes} processes, median`,
      measured: `${round_ms.toFixed(1)} ms`,
    },
    {
      figure: `${MAKERS[maker]}: all sampling, a round each 5 s`,
      measured: `${ms_per_s.toFixed(1)} ms a second`,
      required: `at most ${MS_PER_S_MAX} ms`,
      ok: ms_per_s <= MS_PER_S_MAX,
    },
  ]);
  printTable("A hive's CPU time for sampling 20 workers", rows);
  return { missed: missedIn(rows), results };
}

async function benchDiscovery(seconds) {
  const results = await resultOf("hive/discovery.mjs", ["--servers", SERVERS, "--seconds", seconds]);
  const { alone_ms_per_s, followed_ms_per_s, seen_ms, unrouted_ms } = results;
  const within = (figure, ms, max, unit = "ms") => ({
    figure,
    measured: `${ms.toFixed(1)} ${unit}`,
    required: `at most ${max} ms`,
    ok: ms <= max,
  });
  const rows = [
    { figure: "CPU time of a hive without servers, all in all", measured: `${alone_ms_per_s.toFixed(1)} ms a second` },
    within(`… that follows ${SERVERS} busy servers`, followed_ms_per_s, MS_PER_S_MAX, "ms a second"),
    within("a server is routed to after it listens, median", seen_ms.median, SEEN_MS_MAX),
    within("… slowest", seen_ms.slowest, SEEN_MS_MAX),
    within("a server is routed to no more after its process ended, median", unrouted_ms.median, UNROUTED_MS_MAX),
    within("… slowest", unrouted_ms.slowest, UNROUTED_MS_MAX),
  ];
  printTable("Servers that a hive found, and follows", rows);
  return { missed: missedIn(rows), results };
}

const missedIn = (rows) => rows.filter(({ ok }) => ok === false).length;
