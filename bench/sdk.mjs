// A request through the client beside the same request straight to the worker: what choosing and reserving cost.
import { quantile } from "./lib/measure.mjs";
import { beside, resultOf, startQueen, startServer } from "./lib/programs.mjs";
import { printTable } from "./lib/table.mjs";

/** With a worker that takes as long as this to answer, as the shortest inference does, the median must not be more. */
const CLAIMED_DELAY_MS = 10;
const RATIO_MAX = 1.03;
const NAMES = { direct: "fetch, to the worker", local: "fleet.fetch", queen: 'fleet.fetch, coordination "queen"' };

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchSdk() {
  const queen = await startQueen();
  try {
    const worker = await startServer([beside("sdk/worker.mjs"), String(queen.port)]);
    try {
      const results = await resultOf("sdk/pairs.mjs", [queen.port, worker.port]);
      const rows = results.flatMap(rowsOf);
      printTable("Client, one request after another, each beside the same one straight to the worker", rows, "direct");
      return { missed: rows.filter(({ ok }) => ok === false).length, results: rows };
    } finally {
      await worker.stop();
    }
  } finally {
    await queen.stop();
  }
}

const median = (values) => quantile(values, 0.5);

function rowsOf({ delayMs, taken }) {
  const direct = median(taken.direct);
  const what = delayMs === 0 ? "a worker that answers at once" : `a worker that takes ${delayMs} ms`;
  return Object.entries(NAMES).map(([way, name]) => {
    const own = median(taken[way]);
    const row = { figure: `${what}: ${name}`, measured: `${own.toFixed(2)} ms` };
    if (way === "direct") return row;
    const addedUs = median(taken[way].map((ms, at) => (ms - taken.direct[at]) * 1_000));
    const compared = {
      ...row,
      ratio: `${(own / direct).toFixed(3)}×, ${addedUs.toFixed(0)} µs more in the median pair`,
    };
    if (way !== "local" || delayMs < CLAIMED_DELAY_MS) return compared;
    return { ...compared, required: `≤ ${RATIO_MAX}×`, ok: own / direct <= RATIO_MAX };
  });
}
