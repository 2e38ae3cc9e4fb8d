import type { HeartbeatReply, HiveDetail, RouteReply, StatsReply } from "@hive-registry/contract";
import type { HiveHeartbeatPayload, WorkerInfo } from "hive-registry";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { type Catalog, openCatalog, startHeartbeatWriter } from "../catalog/index.ts";
import type { LocalHives } from "../core/local-hives.ts";
import { Queen, type QueenOptions } from "../core/queen.ts";
import { type AppOptions, buildApp } from "../http/app.ts";
import type { App } from "../http/typed-app.ts";
import { type Machines, noMachines } from "../machines/machine-operations.ts";
import type { HiveCalls } from "../placement/hive-calls.ts";
import { FakeClock } from "./fake-clock.ts";

export function aWorker(fields: Partial<WorkerInfo> = {}): WorkerInfo {
  return {
    worker_id: "worker-1",
    state: "Idle",
    last_heartbeat: "2026-01-01T00:00:00Z",
    health_status: "healthy",
    url: "http://127.0.0.1:9300",
    ...fields,
  };
}

export function aHeartbeat(fields: Partial<HiveHeartbeatPayload> = {}): HiveHeartbeatPayload {
  return { hive_id: "desk", timestamp: "2026-01-01T00:00:00Z", workers: [aWorker()], ...fields };
}

/** Nobody: starts fail, nothing runs. */
export const noLocalHives: LocalHives = {
  start: () => Promise.reject(new Error("no hive can be started here")),
  stop: () => Promise.resolve(false),
  isRunning: () => false,
  log: () => "",
};

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export interface TestQueen {
  readonly clock: FakeClock;
  readonly queen: Queen;
  readonly app: App;
  readonly catalog: Catalog;
  ask(
    method: "GET" | "POST" | "PUT" | "DELETE" | "PATCH",
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  heartbeat(payload: HiveHeartbeatPayload): Promise<HeartbeatReply>;
  route(model: string): Promise<RouteReply>;
  hive(id: string): Promise<HiveDetail>;
  stats(): Promise<StatsReply>;
}

/** A whole queen on a clock of its own, asked without a port. Ends with the test. */
export async function aQueen(
  options: QueenOptions &
    AppOptions & {
      readonly catalog?: Catalog;
      readonly local?: LocalHives;
      readonly machines?: Machines;
      readonly hiveCalls?: (clock: FakeClock) => HiveCalls;
    } = {},
): Promise<TestQueen> {
  const clock = new FakeClock();
  const catalog = options.catalog ?? openCatalog({ kind: "memory" });
  const log = pino({ level: "silent" });
  const writer = startHeartbeatWriter({ catalog, every: clock.every, log });
  const hiveCalls = options.hiveCalls?.(clock);
  // A story begins with a queen that has been there for a while: no grace of her start.
  const queen = new Queen(
    { clock, catalog, writer, ...(hiveCalls === undefined ? {} : { hiveCalls }) },
    { brakes: { graceMs: 0 }, ...options },
  );
  const app = await buildApp(
    { queen, local: options.local ?? noLocalHives, machines: options.machines ?? noMachines, log },
    options,
  );
  onTestFinished(async () => {
    await app.close();
    queen.stop();
    catalog.close();
  });
  const ask: TestQueen["ask"] = async (method, url, body, headers = {}) => {
    const reply = await app.inject({
      method,
      url,
      headers: { host: "localhost", ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    return { status: reply.statusCode, headers: reply.headers, body: reply.payload === "" ? undefined : reply.json() };
  };
  const get = async <T>(url: string): Promise<T> => (await ask("GET", url)).body as T;
  return {
    clock,
    queen,
    app,
    catalog,
    ask,
    heartbeat: async (payload) => (await ask("POST", "/api/v1/heartbeat", payload)).body as HeartbeatReply,
    route: (model) => get(`/api/v1/route?model=${encodeURIComponent(model)}`),
    hive: (id) => get(`/api/v1/hives/${encodeURIComponent(id)}`),
    stats: () => get("/api/v1/stats"),
  };
}
