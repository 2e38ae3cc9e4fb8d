// Heartbeats through the queen's door, beside a server that does nothing but parse them.
import { quantile } from "./lib/measure.mjs";
import { beside, resultOf, startQueen, startServer } from "./lib/programs.mjs";
import { grouped, printTable, times } from "./lib/table.mjs";

/** Each way takes its turn in each round, so that what else the machine does meets all of them. */
const ROUNDS = 3;
const SECONDS = 3;
/** With less of a core in use the load was the slower side: then what the server paid is compared, not how much came through. */
const SATURATED = 0.85;

const CLAIMS = {
  bare: undefined,
  post: { over: "bare", atLeast: 0.75 },
  full: { over: "post", atLeast: 1.5 },
  lease: { over: "post", atLeast: 4 },
};
const NAMES = {
  bare: "bare node:http, JSON.parse only",
  post: "queen, POST",
  full: "queen, WebSocket, full heartbeats",
  lease: "queen, WebSocket, leases",
};

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchIngest() {
  const bare = await startServer([beside("ingest/bare-server.mjs")]);
  const queen = await startQueen();
  const runs = { bare: [], post: [], full: [], lease: [] };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const load = (program, server, ...more) =>
        resultOf(program, [server.port, server.pid, `boot-${round}-${Date.now()}`, SECONDS, ...more]);
      runs.bare.push(await load("load/http.mjs", bare));
      runs.post.push(await load("load/http.mjs", queen));
      runs.full.push(await load("load/sockets.mjs", queen, "full"));
      runs.lease.push(await load("load/sockets.mjs", queen, "lease"));
    }
  } finally {
    await Promise.all([bare.stop(), queen.stop()]);
  }
  const results = Object.fromEntries(Object.entries(runs).map(([name, of]) => [name, summary(of)]));
  const rows = Object.entries(results).map(([name, result]) => rowOf(name, result, results));
  printTable(
    "Ingest, 1,000 hives with 8 workers, 2.4 KB a heartbeat: median of 3 rounds",
    rows,
    "what it is compared with",
  );
  return { missed: rows.filter(({ ok }) => ok === false).length, results };
}

function summary(runs) {
  const median = (of) => quantile(runs.map(of), 0.5);
  return {
    perSecond: median(({ count, seconds }) => count / seconds),
    cpuUs: median(({ count, serverCpuMs }) => (serverCpuMs * 1_000) / count),
    serverBusy: median(({ serverCpuMs, seconds }) => serverCpuMs / 1_000 / seconds),
  };
}

function rowOf(name, { perSecond, cpuUs, serverBusy }, results) {
  const measured = `${grouped(Math.round(perSecond))}/s, ${cpuUs.toFixed(1)} µs CPU each, ${(serverBusy * 100).toFixed(0)} % of a core`;
  const claim = CLAIMS[name];
  if (claim === undefined) return { figure: NAMES[name], measured, ratio: "1×" };
  const other = results[claim.over];
  const byRate = perSecond / other.perSecond;
  const byCpu = other.cpuUs / cpuUs;
  const saturated = serverBusy >= SATURATED && other.serverBusy >= SATURATED;
  return {
    figure: NAMES[name],
    measured,
    ratio: `${times(byRate)} the rate, ${times(byCpu)} by CPU`,
    required: `≥ ${claim.atLeast}× ${claim.over}, by ${saturated ? "rate" : "CPU"}`,
    ok: (saturated ? byRate : byCpu) >= claim.atLeast,
  };
}
