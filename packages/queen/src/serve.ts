import type { Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { artifactsBeside, openMachine } from "@hive-registry/lifecycle";
import type { FastifyBaseLogger } from "fastify";
import { openCatalog, startHeartbeatWriter } from "./catalog/index.ts";
import type { GatewaySettings } from "./config/gateway-settings.ts";
import { DEFAULT_LIVENESS, type LivenessSettings } from "./config/liveness-settings.ts";
import type { ObservabilitySettings, TraceSettings } from "./config/observability-settings.ts";
import type { OnDemandSettings } from "./config/on-demand-settings.ts";
import type { Settings } from "./config/settings.ts";
import type { WebhookSettings } from "./config/webhook-settings.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import { Queen } from "./core/queen.ts";
import { DEFAULT_LINE_LIMITS } from "./core/waiting-line.ts";
import { noCounts, startWebhook, type WebhookCounts } from "./events/webhook.ts";
import { Gateway } from "./gateway/gateway.ts";
import { DEFAULT_GATEWAY_LIMITS } from "./gateway/limits.ts";
import { HttpTransport } from "./gateway/transport.ts";
import { buildApp } from "./http/app.ts";
import { guardOf } from "./http/auth.ts";
import { dashboardBeside } from "./http/dashboard-routes.ts";
import { requestIds } from "./http/request-ids.ts";
import type { App } from "./http/typed-app.ts";
import { hivesOfThisMachine } from "./local-hives.ts";
import type { Machines } from "./machines/machine-operations.ts";
import { queenAddress } from "./machines/queen-address.ts";
import { queenIdIn } from "./machines/queen-id.ts";
import type { Traces } from "./observability/traces.ts";
import { HttpHiveCalls } from "./placement/hive-calls.ts";
import { DEFAULT_ON_DEMAND_LIMITS } from "./placement/on-demand.ts";

/** How long replies under way may take once the queen is told to stop, ms. */
export const STOP_WITHIN_MS = 5_000;
/**
 * Connections that wait to be taken. A whole fleet comes at once when a queen has started again; those that find no place are asked to try
 * a second later by the kernel. The kernel's own limit (net.core.somaxconn) may be lower.
 */
const CONNECTING_MAX = 4_096;
/** Of that, what closing needs after the last connection was cut off. */
const CUT_OFF_MS = 500;
/** And before it, what clients need to read that their answer breaks off. */
const LAST_WORDS_MS = 250;
/** What the last traces may take in any case, and at most: their receiver may be away. */
const LAST_TRACES_MS = { min: 250, max: 1_000 };

/** A queen that listens. */
export interface RunningQueen {
  readonly queen: Queen;
  readonly gateway: Gateway;
  readonly app: App;
  /** Where it is reached: `http://HOST:PORT`. */
  readonly url: string;
  /** Finishes replies, ends streams, writes what waits. Takes {@link STOP_WITHIN_MS} at most. */
  stop(): Promise<void>;
}

export type QueenSettings = Pick<
  Settings,
  | "port"
  | "listen"
  | "catalog"
  | "stateDir"
  | "tokenFile"
  | "heartbeatIntervalMs"
  | "maxHeartbeatsPerSecond"
  | "evictAfterMs"
> & {
  readonly token: string | undefined;
} & Partial<
    GatewaySettings &
      LivenessSettings &
      OnDemandSettings &
      ObservabilitySettings &
      WebhookSettings &
      Pick<Settings, "publicUrl">
  >;

/** Joins catalog, core and HTTP, and listens. What was opened is closed again when one of them fails. */
export async function serveQueen(
  deps: { readonly log: FastifyBaseLogger; readonly clock?: Clock },
  settings: QueenSettings,
): Promise<RunningQueen> {
  const { log, clock = systemClock } = deps;
  const { token, aliases = {}, policy = "best", line = DEFAULT_LINE_LIMITS } = settings;
  const { silentAfterMs, evictSharePercent, freezeMaxMs } = { ...DEFAULT_LIVENESS, ...settings };
  const traces = await openTraces({ log, nowMs: clock.nowMs }, settings.traces);
  const catalog = openCatalog(
    settings.catalog === "memory"
      ? { kind: "memory" }
      : { kind: "sqlite", path: join(settings.stateDir, "catalog.db") },
  );
  const writer = startHeartbeatWriter({ catalog, every: clock.every, log });
  const hiveCalls = new HttpHiveCalls(token);
  const queen = new Queen(
    { clock, catalog, writer, hiveCalls, log },
    {
      pace: { intervalMs: settings.heartbeatIntervalMs, maxHeartbeatsPerSecond: settings.maxHeartbeatsPerSecond },
      ...{ evictAfterMs: settings.evictAfterMs, silentAfterMs, line, aliases, policy },
      brakes: { evictShare: evictSharePercent / 100, freezeMaxMs },
      onDemand: settings.onDemand ?? DEFAULT_ON_DEMAND_LIMITS,
    },
  );
  const { webhook } = settings;
  const counts: WebhookCounts | undefined = webhook === undefined ? undefined : noCounts();
  const stopWebhook =
    webhook === undefined || counts === undefined
      ? () => {}
      : startWebhook({ events: queen.events, clock, log, counts }, webhook);
  const limits = settings.gateway ?? DEFAULT_GATEWAY_LIMITS;
  const transport = new HttpTransport(limits);
  const nextRequestId = requestIds();
  const gateway = new Gateway(
    { queen, transport, guard: guardOf(token, queen.joinTokens), nextRequestId, log, tracer: traces?.tracer },
    { limits, aliases, policy, token },
  );
  const dashboard = dashboardBeside(import.meta.url);
  const artifacts = artifactsBeside(
    { env: process.env },
    { beside: import.meta.url, cache_dir: join(settings.stateDir, "nodes") },
  );
  const close = async () => {
    await gateway.stop();
    stopWebhook();
    queen.stop();
    await hiveCalls.close();
    catalog.close();
  };
  try {
    const reached: { url: string; port: number } = { url: "", port: 0 };
    const local = hivesOfThisMachine({ clock, queenUrl: () => reached.url }, settings);
    const machines: Machines = {
      open: (ssh) => openMachine({ env: process.env }, { ssh, artifacts }),
      queenId: queenIdIn(join(settings.stateDir, "queen.id")),
      queenUrl: () => settings.publicUrl ?? queenAddress(settings.listen, reached.port, networkInterfaces()),
    };
    const app = await buildApp(
      {
        queen,
        local,
        machines,
        log,
        doors: [gateway.door],
        nextRequestId,
        gatewayStats: gateway.stats,
        webhook: counts,
      },
      {
        ...(token !== undefined && { token }),
        ...(dashboard !== undefined && { dashboard }),
        ...(settings.metrics !== undefined && { metrics: settings.metrics }),
      },
    );
    const stop = stopperOf(app, gateway, log);
    await app.listen({ host: settings.listen, port: settings.port, backlog: CONNECTING_MAX });
    reached.port = portOf(app);
    reached.url = urlOf(settings.listen, reached.port);
    return {
      queen,
      gateway,
      app,
      url: reached.url,
      stop: async () => {
        const untilMs = clock.nowMs() + STOP_WITHIN_MS;
        await stop().finally(close);
        const leftMs = Math.max(untilMs - clock.nowMs(), LAST_TRACES_MS.min);
        await traces?.stop(Math.min(leftMs, LAST_TRACES_MS.max));
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Gives the function that ends serving: replies under way may finish; answers of workers that take longer are broken off with a
 * word; what is still open after that is cut off.
 */
function stopperOf(app: App, gateway: Gateway, log: FastifyBaseLogger): () => Promise<void> {
  const sockets = new Set<Socket>();
  app.server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return async () => {
    gateway.stopTaking();
    const ending = setTimeout(() => void gateway.stop(), STOP_WITHIN_MS - CUT_OFF_MS - LAST_WORDS_MS);
    const late = setTimeout(() => {
      log.warn({ connections: sockets.size }, "some connections took too long to end: cut off");
      for (const socket of sockets) socket.destroy();
    }, STOP_WITHIN_MS - CUT_OFF_MS);
    await app.close();
    clearTimeout(ending);
    clearTimeout(late);
  };
}

/** Without a receiver nothing of OpenTelemetry is loaded. */
async function openTraces(
  deps: { readonly log: FastifyBaseLogger; readonly nowMs: () => number },
  settings: TraceSettings | undefined,
): Promise<Traces | undefined> {
  if (settings === undefined) return undefined;
  const traces = await import("./observability/traces.ts");
  return traces.openTraces(deps, settings);
}

const urlOf = (listen: string, port: number): string =>
  `http://${listen.includes(":") ? `[${listen}]` : listen}:${port}`;

function portOf(app: App): number {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
