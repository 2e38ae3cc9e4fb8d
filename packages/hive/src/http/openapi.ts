/** The description of the hive's API, from the same schemas that check it. */
import {
  ERROR_STATUS,
  ErrorReplySchema,
  LibraryReplySchema,
  MachineInfoSchema,
  ManagedWorkerListSchema,
  ManagedWorkerSchema,
  StartWorkerSchema,
  WorkerHeartbeatSchema,
  WorkerIdSchema,
} from "@hive-registry/contract";
import { LOG_TAIL_DEFAULT_BYTES, LOG_TAIL_MAX_BYTES } from "../workers/log-file.ts";
import { DRAIN_MAX_MS } from "../workers/supervisor.ts";

type Json = Readonly<Record<string, unknown>>;

interface Route {
  readonly method: "get" | "post" | "delete";
  readonly path: string;
  readonly summary: string;
  readonly body?: unknown;
  readonly query?: Json;
  readonly replies: Json;
}

const json = (description: string, schema: unknown): Json => ({
  description,
  content: { "application/json": { schema } },
});
const text = (description: string): Json => ({
  description,
  content: { "text/plain": { schema: { type: "string" } } },
});
const whole = (maximum: number, otherwise: number): Json => ({
  schema: { type: "integer", minimum: 0, maximum, default: otherwise },
});

const ROUTES: readonly Route[] = [
  {
    method: "get",
    path: "/healthz",
    summary: "The process lives",
    replies: { 200: json("Alive", { type: "object", properties: { status: { type: "string" } } }) },
  },
  { method: "get", path: "/metrics", summary: "Numbers for Prometheus", replies: { 200: text("Text format") } },
  { method: "get", path: "/openapi.json", summary: "This description", replies: { 200: json("OpenAPI", {}) } },
  {
    method: "get",
    path: "/v1/devices",
    summary: "The machine",
    replies: { 200: json("The machine", MachineInfoSchema) },
  },
  {
    method: "get",
    path: "/v1/models",
    summary: "The models of its models folder, and what each one takes",
    replies: { 200: json("Models that it can start", LibraryReplySchema) },
  },
  {
    method: "get",
    path: "/v1/workers",
    summary: "All workers, started here or announced by themselves",
    replies: { 200: json("Workers", ManagedWorkerListSchema) },
  },
  {
    method: "post",
    path: "/v1/workers",
    summary: "Start a worker; with wait, answer when it is ready or has failed",
    body: StartWorkerSchema,
    replies: { 201: json("Ready", ManagedWorkerSchema), 202: json("Starting", ManagedWorkerSchema) },
  },
  {
    method: "get",
    path: "/v1/workers/{worker_id}",
    summary: "One worker",
    replies: { 200: json("The worker", ManagedWorkerSchema) },
  },
  {
    method: "delete",
    path: "/v1/workers/{worker_id}",
    summary: "Stop a worker; with drain_ms, let it finish first",
    query: { drain_ms: whole(DRAIN_MAX_MS, 0) },
    replies: { 204: { description: "Stopped and forgotten" } },
  },
  {
    method: "get",
    path: "/v1/workers/{worker_id}/logs",
    summary: "The end of a worker's log",
    query: { tail_bytes: whole(LOG_TAIL_MAX_BYTES, LOG_TAIL_DEFAULT_BYTES) },
    replies: { 200: text("The log's last lines") },
  },
  {
    method: "post",
    path: "/v1/heartbeat",
    summary: "A worker tells how it is; one that was not started here announces itself with url and state",
    body: WorkerHeartbeatSchema,
    replies: { 200: json("Taken", { type: "object", properties: { accepted: { const: true } } }) },
  },
  {
    method: "post",
    path: "/v1/servers/{worker_id}/v1/{path}",
    summary: "Inference by a server whose key only this hive has: chat/completions, completions, embeddings …",
    body: {},
    replies: { 200: text("The server's answer") },
  },
  {
    method: "post",
    path: "/v1/shutdown",
    summary: "Say goodbye, stop the workers and end. Needs the token, or without one the header x-hive-shutdown: yes",
    replies: { 202: json("Stopping", { type: "object" }) },
  },
];

/** OpenAPI 3.1 of every route. */
export function openApi(version: string): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of ROUTES) {
    const operations = paths[route.path] ?? {};
    paths[route.path] = operations;
    operations[route.method] = operationOf(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "hive", version, description: "The agent on one machine" },
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    security: [{ token: [] }, {}],
    paths,
  };
}

function operationOf({ path, summary, body, query, replies }: Route): Json {
  const parameters = [
    ...(path.includes("{worker_id}")
      ? [{ name: "worker_id", in: "path", required: true, schema: WorkerIdSchema }]
      : []),
    ...(path.includes("{path}") ? [{ name: "path", in: "path", required: true, schema: { type: "string" } }] : []),
    ...Object.entries(query ?? {}).map(([name, parameter]) => ({ name, in: "query", ...(parameter as Json) })),
  ];
  const codes = Object.keys(ERROR_STATUS).join(", ");
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    responses: { ...replies, default: json(`An error; its code is one of ${codes}`, ErrorReplySchema) },
  };
}
