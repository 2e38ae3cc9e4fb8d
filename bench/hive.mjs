// What a hive's own process costs on the machine that it watches: rounds of sampling with 20 workers and 8 GPUs.
import { resultOf } from "./lib/programs.mjs";
import { printTable } from "./lib/table.mjs";

const MAKERS = { none: "no GPU", nvidia: "8 NVIDIA GPUs, by nvidia-smi", amd: "8 AMD GPUs, from /sys" };
/** Of one core's time. */
const MS_PER_S_MAX = 20;

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchHive() {
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
  return { missed: rows.filter(({ ok }) => ok === false).length, results };
}
