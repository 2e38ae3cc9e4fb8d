import type { StatsReply } from "@hive-registry/contract";
import type { HeartbeatTotals } from "../core/queen.ts";
import type { LineTotals } from "../core/waiting-line.ts";
import { FIRST_BYTE_BUCKETS_S, type GatewayStats } from "../gateway/stats.ts";
import type { Family, Sample } from "./family.ts";

/** What the queen's metrics are read from. */
export interface QueenReading {
  readonly stats: StatsReply;
  readonly heartbeats: HeartbeatTotals;
  readonly waiting: Iterable<readonly [model: string, waiting: number]>;
  readonly line: LineTotals;
  readonly gateway: GatewayStats;
}

/** Models that have a line of their own in the queue's metrics; further ones are summed up. */
export const QUEUE_MODELS_MAX = 50;
const OTHER_MODELS = "(others)";

/** All metrics of the queen's own: the text of docs/reference/metrics.md. */
export const FAMILIES: readonly Family<QueenReading>[] = [
  {
    ...{ name: "hive_hives", kind: "gauge", labels: ["status"], help: "Hives that are known, by status." },
    read: ({ stats: { hives } }) => by("status", { alive: hives.alive, suspect: hives.suspect, silent: hives.silent }),
  },
  {
    ...{ name: "hive_workers", kind: "gauge", labels: ["state"], help: "Workers that are known, by state." },
    read: ({ stats: { workers } }) => by("state", { idle: workers.idle, busy: workers.busy, loading: workers.loading }),
  },
  {
    ...{ name: "hive_workers_set_aside", kind: "gauge", labels: [] },
    help: "Workers that failed a request and did not show since that they work.",
    read: ({ stats }) => one(stats.workers.set_aside),
  },
  {
    ...{ name: "hive_vram_used_bytes", kind: "gauge", labels: [], help: "VRAM of all workers that report it." },
    read: ({ stats }) => one(stats.vram_used_gb * 1e9),
  },
  {
    ...{ name: "hive_heartbeats_total", kind: "counter", labels: ["result"] },
    help: "Heartbeats and leases that came; refused are those that were not newer than what is known.",
    read: ({ heartbeats }) => by("result", { accepted: heartbeats.accepted, refused: heartbeats.refused }),
  },
  {
    ...{ name: "hive_watchers", kind: "gauge", labels: [], help: "Open watch streams." },
    read: ({ stats }) => one(stats.watchers),
  },
  {
    ...{ name: "hive_uptime_seconds", kind: "gauge", labels: [], help: "Since the queen's start." },
    read: ({ stats }) => one(stats.uptime_ms / 1_000),
  },
  {
    ...{ name: "hive_reservations", kind: "gauge", labels: [], help: "Places at workers that are held now." },
    read: ({ stats }) => one(stats.reservations.active),
  },
  {
    ...{ name: "hive_reservations_ended_total", kind: "counter", labels: ["outcome"] },
    help: "Places that were given back, by how it went with the worker; those of clients that left are not counted.",
    read: ({ stats: { requests } }) => by("outcome", { ok: requests.completed_total, error: requests.failed_total }),
  },
  {
    ...{ name: "hive_queue_length", kind: "gauge", labels: ["model"] },
    help: `Requests that wait for a worker, by normal name or alias of the model; beyond ${QUEUE_MODELS_MAX} models summed up.`,
    read: ({ waiting }) => queueLengths(waiting),
  },
  {
    ...{ name: "hive_queue_left_total", kind: "counter", labels: ["how"] },
    help: "Requests that waited, by how that ended; refused are those that found the line full.",
    read: ({ line }) => by("how", { ...line }),
  },
  {
    ...{ name: "hive_gateway_requests_total", kind: "counter", labels: ["path", "ending"] },
    help: "Requests for inference, by path and how they ended.",
    read: ({ gateway }) =>
      [...gateway.endings].flatMap(([path, endings]) =>
        Object.entries(endings).map(([ending, value]) => ({ labels: { path, ending }, value })),
      ),
  },
  {
    ...{ name: "hive_gateway_in_flight", kind: "gauge", labels: [] },
    help: "Requests for inference that are with a worker or wait for one.",
    read: ({ gateway }) => one(gateway.in_flight),
  },
  {
    ...{ name: "hive_gateway_body_bytes", kind: "gauge", labels: [], help: "Request bodies that are held." },
    read: ({ gateway }) => one(gateway.body_bytes),
  },
  {
    ...{ name: "hive_gateway_first_byte_seconds", kind: "histogram", labels: [] },
    help: "From the end of a request to the first byte of its answer, waiting for a worker included.",
    read: ({ gateway: { first_byte } }) => ({
      ...{ bounds: FIRST_BYTE_BUCKETS_S, counts: first_byte.counts, sum: first_byte.sum_s },
    }),
  },
  {
    ...{ name: "hive_gateway_failed_tries_total", kind: "counter", labels: [] },
    help: "Times that a worker failed a request before its first byte.",
    read: ({ gateway }) => one(gateway.failed_tries_total),
  },
  {
    ...{ name: "hive_gateway_failovers_total", kind: "counter", labels: [] },
    help: "Requests that another worker answered after the first could not.",
    read: ({ gateway }) => one(gateway.failovers_total),
  },
  {
    ...{ name: "hive_gateway_broken_total", kind: "counter", labels: [] },
    help: "Answers that broke off after their first byte.",
    read: ({ gateway }) => one(gateway.broken_total),
  },
];

const one = (value: number): readonly Sample[] => [{ value }];

const by = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(values).map(([text, value]) => ({ labels: { [label]: text }, value }));

/** The longest lines each, and the rest together: names come from outside, and there may be many. */
function queueLengths(waiting: Iterable<readonly [string, number]>): readonly Sample[] {
  const lines = [...waiting].sort(([, a], [, b]) => b - a);
  const rest = lines.slice(QUEUE_MODELS_MAX).reduce((sum, [, length]) => sum + length, 0);
  const named = lines.slice(0, QUEUE_MODELS_MAX).map(([model, value]) => ({ labels: { model }, value }));
  return rest === 0 ? named : [...named, { labels: { model: OTHER_MODELS }, value: rest }];
}
