import { METRICS_CONTENT_TYPE } from "@hive-registry/command/metrics";
import {
  compile,
  HiveError,
  invalid,
  type LibraryModel,
  type MachineInfo,
  type ManagedWorker,
  type StartWorker,
  StartWorkerSchema,
  type WorkerHeartbeat,
  WorkerParamsSchema,
  workerHeartbeatValidator,
} from "@hive-registry/contract";
import type { FastifyInstance } from "fastify";
import { LOG_TAIL_DEFAULT_BYTES, LOG_TAIL_MAX_BYTES } from "../workers/log-file.ts";
import { DRAIN_MAX_MS } from "../workers/supervisor.ts";
import { openApi } from "./openapi.ts";
import { addRelay, type RelayTarget } from "./relay.ts";

/** What the routes ask for. */
export interface HiveCore {
  readonly hiveId: string;
  readonly version: string;
  machine(): MachineInfo;
  workers(): ManagedWorker[];
  /** What lies in its models folder. */
  models(): Promise<readonly LibraryModel[]>;
  startWorker(request: StartWorker): Promise<ManagedWorker>;
  stopWorker(workerId: string, options: { readonly drainMs?: number }): Promise<void>;
  workerLogs(workerId: string, tailBytes: number): Promise<string>;
  /** Takes a worker's heartbeat; answers in how many ms the next one is expected. */
  hear(beat: WorkerHeartbeat): number;
  /** Where requests for a worker go that is reached through this hive only. */
  relay(workerId: string): RelayTarget | undefined;
  shutdown(): void;
  /** Numbers for Prometheus. */
  metrics(): string;
}

const startValidator = compile(StartWorkerSchema);
const paramsValidator = compile(WorkerParamsSchema);

export function addRoutes(app: FastifyInstance, core: HiveCore): void {
  app.get("/healthz", () => ({ status: "ok", hive_id: core.hiveId, version: core.version }));

  app.get("/metrics", (_request, reply) => reply.type(METRICS_CONTENT_TYPE).send(core.metrics()));

  const description = openApi(core.version);
  app.get("/openapi.json", () => description);

  app.get("/v1/devices", () => core.machine());

  app.get("/v1/models", async () => ({ hive_id: core.hiveId, models: await core.models() }));

  app.get("/v1/workers", () => ({ workers: core.workers() }));

  app.get("/v1/workers/:worker_id", (request) => {
    const { worker_id } = paramsValidator.parse(request.params);
    const found = core.workers().find(({ worker }) => worker.worker_id === worker_id);
    if (found === undefined) throw new HiveError("WORKER_NOT_FOUND", `No worker ${worker_id} is known here`);
    return found;
  });

  app.post("/v1/workers", async (request, reply) => {
    const worker = await core.startWorker(startValidator.parse(request.body));
    return reply.code(worker.phase === "ready" ? 201 : 202).send(worker);
  });

  app.delete("/v1/workers/:worker_id", async (request, reply) => {
    const { worker_id } = paramsValidator.parse(request.params);
    const drainMs = numberIn(request.query, "drain_ms", { otherwise: 0, max: DRAIN_MAX_MS });
    await core.stopWorker(worker_id, { drainMs });
    return reply.code(204).send();
  });

  app.get("/v1/workers/:worker_id/logs", async (request, reply) => {
    const { worker_id } = paramsValidator.parse(request.params);
    const limits = { otherwise: LOG_TAIL_DEFAULT_BYTES, max: LOG_TAIL_MAX_BYTES };
    const text = await core.workerLogs(worker_id, numberIn(request.query, "tail_bytes", limits));
    return reply.type("text/plain; charset=utf-8").header("x-content-type-options", "nosniff").send(text);
  });

  app.post("/v1/heartbeat", (request) => {
    const next_heartbeat_ms = core.hear(workerHeartbeatValidator.parse(request.body));
    return { accepted: true, next_heartbeat_ms };
  });

  addRelay(app, (workerId) => core.relay(workerId));

  app.post("/v1/shutdown", (_request, reply) => {
    void reply.code(202).send({ status: "stopping" });
    core.shutdown();
    return reply;
  });
}

/** A whole number of the query, 0 to `max`. */
function numberIn(query: unknown, name: string, { otherwise, max }: { otherwise: number; max: number }): number {
  const given = (query as Record<string, unknown>)[name];
  if (given === undefined) return otherwise;
  if (typeof given === "string" && /^\d{1,15}$/.test(given) && Number(given) <= max) return Number(given);
  throw invalid([{ path: `/${name}`, message: `must be a whole number, 0 to ${max}` }]);
}
