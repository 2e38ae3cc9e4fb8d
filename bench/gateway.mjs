// The gateway beside the least that a proxy in Node can be, a gateway from npm, nginx and HAProxy: all in one run, before one worker.
import { needPrograms } from "../scripts/system-packages.mjs";
import { startHaproxy, startNginx } from "./gateway/daemons.mjs";
import { quantile } from "./lib/measure.mjs";
import { beside, resultOf, startQueen, startServer } from "./lib/programs.mjs";
import { grouped, printTable, times } from "./lib/table.mjs";

/** In each round every way takes its turn; ratios are those of one round. */
const ROUNDS = 12;
const HEARTBEAT_EVERY_MS = 3_000;
const RATE_MIN = 0.8;
const ADDED_P50_MS_MAX = 1;
const ADDED_GAP_P99_MS_MAX = 20;

const NAMES = {
  none: "no proxy",
  bare: "bare proxy, node:http and undici",
  queen: "the queen",
  fastify: "@fastify/http-proxy",
  nginx: "nginx",
  haproxy: "HAProxy",
};

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchGateway() {
  needPrograms(["nginx", "haproxy"]);
  const stops = [];
  const started = async (starting) => {
    const one = await starting;
    stops.push(one.stop);
    return one;
  };
  try {
    const worker = await started(startServer([beside("gateway/worker.mjs")]));
    const url = `http://127.0.0.1:${worker.port}`;
    const ways = {
      none: worker,
      bare: await started(startServer([beside("gateway/bare-proxy.mjs"), url])),
      queen: await started(startQueen()),
      fastify: await started(startServer([beside("gateway/fastify-proxy.mjs"), url])),
      nginx: await started(startNginx(worker.port)),
      haproxy: await started(startHaproxy(worker.port)),
    };
    stops.push(await keepBeating(ways.queen.port, url));
    const args = Object.entries(ways).map(([name, { port, pid }]) => `${name}:${port}:${pid}`);
    const results = await resultOf("gateway/load.mjs", [ROUNDS, ...args]);
    const rows = [...requestRows(results), ...delayedRows(results), ...streamRows(results)];
    printTable(
      "Gateway, one worker, 32 requests at a time: medians of rounds in which each takes its turn",
      rows,
      "the bare proxy",
    );
    return { missed: rows.filter(({ ok }) => ok === false).length, results };
  } finally {
    await Promise.all(stops.toReversed().map((stop) => stop()));
  }
}

/** A hive with this one worker. Returns what ends it. */
async function keepBeating(port, url) {
  let seq = 0;
  const beat = async () => {
    const timestamp = new Date().toISOString();
    const worker = {
      worker_id: "w",
      state: "Idle",
      last_heartbeat: timestamp,
      health_status: "healthy",
      url,
      model_id: "m",
    };
    const body = {
      hive_id: "bench",
      boot_id: "b",
      seq: ++seq,
      timestamp,
      workers: [{ ...worker, slots_total: 1_000 }],
    };
    const headers = { "content-type": "application/json" };
    const reply = await fetch(`http://127.0.0.1:${port}/api/v1/heartbeat`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    if (!reply.ok) throw new Error(await reply.text());
  };
  await beat();
  const timer = setInterval(() => void beat().catch(() => {}), HEARTBEAT_EVERY_MS);
  return () => clearInterval(timer);
}

const median = (list, of) => quantile(list.map(of), 0.5);
const perSecond = ({ taken, ms }) => (taken * 1_000) / ms;
const cpuUs = ({ taken, cpuMs }) => (cpuMs * 1_000) / taken;

function requestRows(results) {
  const { bare } = results;
  return Object.entries(NAMES).map(([name, figure]) => {
    const { slices } = results[name];
    const rate = median(slices, (slice, round) => perSecond(slice) / perSecond(bare.slices[round]));
    const cpu = median(slices, (slice, round) => cpuUs(bare.slices[round]) / cpuUs(slice));
    const row = {
      figure: `as many as come through: ${figure}`,
      measured: `${grouped(Math.round(median(slices, perSecond)))}/s, ${median(slices, cpuUs).toFixed(0)} µs CPU each`,
      ...(name === "none" || name === "bare" ? {} : { ratio: `${times(rate)} the rate, ${times(cpu)} by CPU` }),
    };
    return name === "queen" ? { ...row, required: `≥ ${RATE_MIN}× the rate`, ok: rate >= RATE_MIN } : row;
  });
}

function delayedRows(results) {
  const { none } = results;
  return Object.entries(NAMES).map(([name, figure]) => {
    const { delayed } = results[name];
    const added = (of) => median(delayed, (slice, round) => of(slice) - of(none.delayed[round]));
    const p50 = added((slice) => slice.p50);
    const row = {
      figure: `a worker that takes 20 ms, clients that think up to 10: ${figure}`,
      measured:
        name === "none"
          ? `p50 ${median(delayed, (slice) => slice.p50).toFixed(2)} ms, p99 ${median(delayed, (slice) => slice.p99).toFixed(2)} ms`
          : `${p50.toFixed(2)} ms added to p50, ${added((slice) => slice.p99).toFixed(2)} ms to p99`,
    };
    if (name !== "queen") return row;
    return { ...row, required: `< ${ADDED_P50_MS_MAX} ms added to p50`, ok: p50 < ADDED_P50_MS_MAX };
  });
}

function streamRows(results) {
  return Object.entries(NAMES).map(([name, figure]) => {
    const { streams } = results[name];
    const addedP99 = median(streams, (one, round) => one.gapP99 - results.none.streams[round].gapP99);
    const row = {
      figure: `200 streams of 50 tokens/s: ${figure}`,
      measured: [
        `between tokens p99 ${median(streams, ({ gapP99 }) => gapP99).toFixed(1)} ms (${addedP99.toFixed(1)} added)`,
        `on the way p50 ${median(streams, ({ delayP50 }) => delayP50).toFixed(1)}, p99 ${median(streams, ({ delayP99 }) => delayP99).toFixed(1)} ms`,
        `${median(streams, ({ cpuUsPerToken }) => cpuUsPerToken).toFixed(0)} µs CPU a token`,
      ].join(", "),
    };
    if (name !== "queen") return row;
    return { ...row, required: `< ${ADDED_GAP_P99_MS_MAX} ms added to p99`, ok: addedP99 < ADDED_GAP_P99_MS_MAX };
  });
}
