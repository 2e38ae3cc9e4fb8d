import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import { openCatalog, startHeartbeatWriter } from "./catalog/index.ts";
import type { Settings } from "./config/settings.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import { Queen } from "./core/queen.ts";
import { type App, buildApp } from "./http/app.ts";
import { hivesOfThisMachine } from "./local-hives.ts";

/** How long replies under way may take once the queen is told to stop, ms. */
export const STOP_WITHIN_MS = 5_000;

/** A queen that listens. */
export interface RunningQueen {
  readonly queen: Queen;
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
> & { readonly token: string | undefined };

/** Joins catalog, core and HTTP, and listens. What was opened is closed again when one of them fails. */
export async function serveQueen(
  deps: { readonly log: FastifyBaseLogger; readonly clock?: Clock },
  settings: QueenSettings,
): Promise<RunningQueen> {
  const { log, clock = systemClock } = deps;
  const catalog = openCatalog(
    settings.catalog === "memory"
      ? { kind: "memory" }
      : { kind: "sqlite", path: join(settings.stateDir, "catalog.db") },
  );
  const writer = startHeartbeatWriter({ catalog, every: clock.every, log });
  const queen = new Queen(
    { clock, catalog, writer },
    {
      pace: { intervalMs: settings.heartbeatIntervalMs, maxHeartbeatsPerSecond: settings.maxHeartbeatsPerSecond },
      evictAfterMs: settings.evictAfterMs,
    },
  );
  const close = () => {
    queen.stop();
    catalog.close();
  };
  try {
    const reached: { url: string } = { url: "" };
    const local = hivesOfThisMachine({ clock, queenUrl: () => reached.url }, settings);
    const app = await buildApp({ queen, local, log }, settings.token === undefined ? {} : { token: settings.token });
    await app.listen({ host: settings.listen, port: settings.port });
    reached.url = urlOf(app, settings.listen);
    return { queen, app, url: reached.url, stop: () => stopServing(app, log).finally(close) };
  } catch (error) {
    close();
    throw error;
  }
}

async function stopServing(app: App, log: FastifyBaseLogger): Promise<void> {
  const late = setTimeout(() => {
    log.warn("some replies took too long: cut off");
    app.server.closeAllConnections();
  }, STOP_WITHIN_MS - 500);
  try {
    await app.close();
  } finally {
    clearTimeout(late);
  }
}

function urlOf(app: App, listen: string): string {
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return `http://${listen.includes(":") ? `[${listen}]` : listen}:${port}`;
}
