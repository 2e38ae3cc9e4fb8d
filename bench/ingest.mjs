// Heartbeats through the queen's door, beside a server that does nothing but parse them.
import { quantile } from "./lib/measure.mjs";
import { beside, resultOf, startQueen, startServer } from "./lib/programs.mjs";
import { grouped, printTable, times } from "./lib/table.mjs";

/** In each round every way takes its turn; ratios are those of one round. */
const ROUNDS = 12;
/** With less of a core in use the load was the slower side: then what the server paid is compared, not how much came through. */
const SATURATED = 0.85;

const CLAIMS = {
  bare: undefined,
  post: { over: "bare", atLeast: 0.75 },
  full: { over: "post", atLeast: 1.5 },
  lease: { over: "post", atLeast: 4 },
};
const NAMES = {
  bare: "bare node:http that parses",
  post: "POST",
  full: "WebSocket, full heartbeats",
  lease: "WebSocket, leases",
};

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchIngest() {
  const bare = await startServer([beside("ingest/bare-server.mjs")]);
  const queen = await startQueen();
  try {
    const slices = await resultOf("ingest/load.mjs", [bare.port, bare.pid, queen.port, queen.pid, ROUNDS]);
    const rows = Object.keys(NAMES).map((name) => rowOf(name, slices));
    printTable(`Ingest, hives with 8 workers, 2.4 KB a heartbeat: median of ${ROUNDS} rounds`, rows, "the other");
    return { missed: rows.filter(({ ok }) => ok === false).length, results: slices };
  } finally {
    await Promise.all([bare.stop(), queen.stop()]);
  }
}

const perSecond = ({ taken, ms }) => (taken * 1_000) / ms;
const cpuUs = ({ taken, cpuMs }) => (cpuMs * 1_000) / taken;
const busy = ({ cpuMs, ms }) => cpuMs / ms;
const median = (slices, of) => quantile(slices.map(of), 0.5);

function rowOf(name, slices) {
  const own = slices[name];
  const claim = CLAIMS[name];
  const row = {
    figure: NAMES[name],
    measured: `${grouped(Math.round(median(own, perSecond)))}/s, ${median(own, cpuUs).toFixed(1)} µs CPU each, ${(median(own, busy) * 100).toFixed(0)} % of a core`,
  };
  if (claim === undefined) return row;
  const other = slices[claim.over];
  const byRate = median(own, (slice, round) => perSecond(slice) / perSecond(other[round]));
  const byCpu = median(own, (slice, round) => cpuUs(other[round]) / cpuUs(slice));
  const saturated = Math.min(median(own, busy), median(other, busy)) >= SATURATED;
  return {
    ...row,
    ratio: `${times(byRate)} the rate, ${times(byCpu)} by CPU`,
    required: `≥ ${claim.atLeast}× ${NAMES[claim.over]}, by ${saturated ? "rate" : "CPU"}`,
    ok: (saturated ? byRate : byCpu) >= claim.atLeast,
  };
}
