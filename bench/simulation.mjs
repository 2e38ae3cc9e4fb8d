// What is claimed about choosing workers, in simulation: waits beside an all-knowing central queue at several heartbeat periods,
// and prompts that begin alike. On a clock of its own, from one seed: the same numbers every time, however slow the machine.
import { DEFAULT_SCENARIO, simulate, simulateCentral } from "@hive-registry/simulation";
import { printTable, times } from "./lib/table.mjs";

const OVER_CENTRAL_MAX = 1.2;
const OVER_CENTRAL_MS = 10;
const SPREAD_MAX = 1.2;
const FOUND_MIN = 0.9;
const BUSIEST_MAX = 1.5;
const REQUESTS = 30_000;

/** @returns {{ missed: number, results: object[] }} */
export function benchSimulation() {
  const results = [...comparePeriods(), comparePrompts()];
  for (const { title, rows, to } of results) printTable(title, rows, to);
  return { missed: results.flatMap(({ rows }) => rows).filter(({ ok }) => ok === false).length, results };
}

/** `best` at several heartbeat periods. */
function comparePeriods() {
  return [1, 8].map((slots) => {
    const rows = [0.7, 0.9].flatMap((load) => {
      const scenario = { ...DEFAULT_SCENARIO, slots, load, requests: REQUESTS };
      const central = simulateCentral(scenario).wait_mean_ms;
      const limit = OVER_CENTRAL_MAX * central + OVER_CENTRAL_MS;
      const waits = [1_000, 5_000, 30_000].map((beatMs) => simulate({ ...scenario, beatMs }, "best").wait_mean_ms);
      const spread = Math.max(...waits) / Math.min(...waits);
      return [
        { figure: `load ${load}, central queue`, measured: milliseconds(central) },
        ...waits.map((wait, at) => ({
          figure: `load ${load}, a beat every ${[1, 5, 30][at]} s`,
          measured: milliseconds(wait),
          ratio: central > 1 ? times(wait / central) : "",
          required: `at most ${OVER_CENTRAL_MAX}× central + ${OVER_CENTRAL_MS} ms`,
          ok: wait <= limit,
        })),
        {
          figure: `load ${load}, longest over shortest`,
          measured: `${spread.toFixed(3)}×`,
          required: `below ${SPREAD_MAX}×`,
          ok: spread < SPREAD_MAX,
        },
      ];
    });
    const title = `Simulation, 100 workers with ${slots === 1 ? "one slot" : `${slots} slots`}, policy best: mean wait for a slot`;
    return { title, rows, to: "the central queue" };
  });
}

/** `prefix` and `best` on prompts that begin alike. */
function comparePrompts() {
  const workloads = [
    { prefixes: 400, skew: 0, load: 0.7 },
    { prefixes: 400, skew: 1, load: 0.4 },
    { prefixes: 400, skew: 1, load: 0.7 },
    { prefixes: 400, skew: 1, load: 0.85 },
    { prefixes: 50, skew: 1, load: 0.7 },
  ];
  const rows = workloads.flatMap(({ prefixes, skew, load }) => {
    const prompts = { prefixes, skew, prefillMs: 500, remembers: 16 };
    const scenario = { ...DEFAULT_SCENARIO, slots: 8, load, requests: REQUESTS, prompts };
    return ["prefix", "best"].map((way) => {
      const { hit_rate, best_hit_rate, busiest_over_mean } = simulate(scenario, way);
      const found = hit_rate / best_hit_rate;
      const row = {
        figure: `${prefixes} beginnings, ${skew === 0 ? "all as common" : "Zipf"}, load ${load}: ${way}`,
        measured: `${(100 * found).toFixed(1)} %`,
        ratio: times(busiest_over_mean),
      };
      if (way === "best") return row;
      const required = `at least ${100 * FOUND_MIN} %, no worker above ${BUSIEST_MAX}×`;
      return { ...row, required, ok: found >= FOUND_MIN && busiest_over_mean <= BUSIEST_MAX };
    });
  });
  const title = "Simulation, 100 workers with 8 slots: beginnings that were remembered, of those that could be";
  return { title, rows, to: "the mean (busiest worker)" };
}

const milliseconds = (ms) => `${ms.toFixed(1)} ms`;
