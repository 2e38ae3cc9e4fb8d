import { by, type Family, one, type Sample } from "@hive-registry/command/metrics";
import { COUNTED_MODELS_MAX, type ModelCount } from "../gateway/model-counts.ts";
import { FIRST_BYTE_BUCKETS_S } from "../gateway/stats.ts";
import { byModel, MODELS_MAX } from "./bounded.ts";
import type { QueenReading } from "./reading.ts";

const FIRST_ONES = `beyond the first ${COUNTED_MODELS_MAX} models summed up`;

/** What becomes of requests. */
export const GATEWAY_FAMILIES: readonly Family<QueenReading>[] = [
  {
    ...{ name: "hive_registry_reservations", kind: "gauge", labels: [], help: "Places at workers that are held now." },
    read: ({ stats }) => one(stats.reservations.active),
  },
  {
    ...{ name: "hive_registry_reservations_ended_total", kind: "counter", labels: ["outcome"] },
    help: "Places that were given back, by how it went with the worker; those of clients that left are not counted.",
    read: ({ stats: { requests } }) => by("outcome", { ok: requests.completed_total, error: requests.failed_total }),
  },
  {
    ...{ name: "hive_registry_queue_length", kind: "gauge", labels: ["model"] },
    help: `Requests that wait for a worker, by normal name or alias of the model; beyond ${MODELS_MAX} models summed up.`,
    read: ({ waiting }) => byModel(waiting),
  },
  {
    ...{ name: "hive_registry_queue_left_total", kind: "counter", labels: ["how"] },
    help: "Requests that waited, by how that ended; refused are those that found the line full.",
    read: ({ line }) => by("how", { ...line }),
  },
  {
    ...{ name: "hive_registry_model_requests_total", kind: "counter", labels: ["model"] },
    help: `Requests of each model, as its workers call it; ${FIRST_ONES}.`,
    read: ofModels((count) => [{ value: count.requests }]),
  },
  {
    ...{ name: "hive_registry_model_requests_failed_total", kind: "counter", labels: ["model"] },
    help: `Of those, the ones that no worker answered, or not to the end; ${FIRST_ONES}.`,
    read: ofModels((count) => [{ value: count.failed }]),
  },
  {
    ...{ name: "hive_registry_model_tokens_total", kind: "counter", labels: ["model", "direction"] },
    help: `Tokens that workers told in their answers: input is what they read, output what they wrote; ${FIRST_ONES}.`,
    read: ofModels((count) => by("direction", { input: count.input_tokens, output: count.output_tokens })),
  },
  {
    ...{ name: "hive_registry_model_queue_wait_seconds_total", kind: "counter", labels: ["model"] },
    help: `How long requests waited in line, all together; ${FIRST_ONES}.`,
    read: ofModels((count) => [{ value: count.queue_wait_ms / 1_000 }]),
  },
  {
    ...{ name: "hive_registry_gateway_requests_total", kind: "counter", labels: ["path", "ending"] },
    help: "Requests for inference, by path and how they ended.",
    read: ({ gateway }) =>
      [...gateway.endings].flatMap(([path, endings]) =>
        Object.entries(endings).map(([ending, value]) => ({ labels: { path, ending }, value })),
      ),
  },
  {
    ...{ name: "hive_registry_gateway_in_flight", kind: "gauge", labels: [] },
    help: "Requests for inference that are with a worker or wait for one.",
    read: ({ gateway }) => one(gateway.in_flight),
  },
  {
    ...{ name: "hive_registry_gateway_body_bytes", kind: "gauge", labels: [], help: "Request bodies that are held." },
    read: ({ gateway }) => one(gateway.body_bytes),
  },
  {
    ...{ name: "hive_registry_gateway_first_byte_seconds", kind: "histogram", labels: [] },
    help: "From the end of a request to the first byte of its answer, waiting for a worker included.",
    read: ({ gateway: { first_byte } }) => [
      { bounds: FIRST_BYTE_BUCKETS_S, counts: first_byte.counts, sum: first_byte.sum_s },
    ],
  },
  {
    ...{ name: "hive_registry_gateway_failed_tries_total", kind: "counter", labels: [] },
    help: "Times that a worker failed a request before its first byte.",
    read: ({ gateway }) => one(gateway.failed_tries_total),
  },
  {
    ...{ name: "hive_registry_gateway_failovers_total", kind: "counter", labels: [] },
    help: "Requests that another worker answered after the first could not.",
    read: ({ gateway }) => one(gateway.failovers_total),
  },
  {
    ...{ name: "hive_registry_gateway_broken_total", kind: "counter", labels: [] },
    help: "Answers that broke off after their first byte.",
    read: ({ gateway }) => one(gateway.broken_total),
  },
];

function ofModels(
  read: (count: Readonly<ModelCount>) => readonly Sample[],
): (reading: QueenReading) => readonly Sample[] {
  return ({ gateway }) =>
    [...gateway.models.entries()].flatMap(([model, count]) =>
      read(count).map(({ labels, value }) => ({ labels: { model, ...labels }, value })),
    );
}
