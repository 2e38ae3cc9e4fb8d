import { setMaxListeners } from "node:events";
import { basename } from "node:path";
import { cannotListen } from "@hive-registry/command";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { Engine } from "./engine/engine.ts";
import { ApiError } from "./errors.ts";
import { FatalError } from "./fatal.ts";
import { startHeartbeat } from "./heartbeat/heartbeat.ts";
import { createServer } from "./http/server.ts";
import { WorkerStatus } from "./status.ts";

export interface WorkerDeps {
  readonly log: FastifyBaseLogger;
  /** Loads the model. @throws {FatalError} */
  readonly loadEngine: () => Promise<Engine>;
  readonly fetch: typeof fetch;
  /** Ms since epoch. */
  readonly now: () => number;
}

export interface WorkerOptions {
  readonly modelPath: string;
  readonly alias?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly listen: string;
  readonly slots: number;
  readonly token?: string;
  /** SHA-256, hex, of the fleet's token, which is taken as a key where this worker has another one. */
  readonly fleetTokenSha256?: string;
  readonly workerId?: string;
  readonly hiveUrl?: string;
  readonly drainMs?: number;
}

export interface RunningWorker {
  readonly url: string;
  /** Settles when the model is loaded; rejects with a `FatalError` when it cannot be. */
  readonly ready: Promise<void>;
  /** Takes nothing new, finishes answers for up to `drainMs`, breaks off the rest. */
  stop(): Promise<void>;
}

/** How long answers that are running may take to end after a stop. */
export const DRAIN_MS = 5_000;
/** What is broken off after that gets this long to be told so. */
const BREAK_OFF_MS = 500;
const SWEEP_MS = 50;

/**
 * Listens at once, so that whoever started it can watch it load, then loads the model.
 *
 * @throws {FatalError} `PORT_IN_USE`, `LISTEN_FAILED`
 */
export async function startWorker(deps: WorkerDeps, options: WorkerOptions): Promise<RunningWorker> {
  const status = new WorkerStatus({ now: deps.now }, { slots: options.slots });
  const stopping = new AbortController();
  // Every running request listens; slots and queue bound their number.
  setMaxListeners(0, stopping.signal);
  const fileName = basename(options.modelPath);
  const modelName = fileName.replace(/\.gguf$/i, "");
  const modelId = options.alias ?? modelName;
  const app = createServer(
    { status, log: deps.log, stopping: stopping.signal, now: deps.now },
    {
      ...{ modelId, otherNames: [modelName, fileName] },
      ...(options.token !== undefined && { token: options.token }),
      ...(options.fleetTokenSha256 !== undefined && { fleetTokenSha256: options.fleetTokenSha256 }),
    },
  );
  const unanswered = countUnanswered(app);
  const url = await listen(app, options);
  const stopHeartbeat =
    options.hiveUrl === undefined
      ? () => {}
      : startHeartbeat(
          { status, log: deps.log, fetch: deps.fetch, now: deps.now },
          {
            hiveUrl: options.hiveUrl,
            workerId: options.workerId ?? `worker-${new URL(url).port}`,
            modelId,
            ...(options.token !== undefined && { token: options.token }),
          },
        );
  const ready = deps.loadEngine().then((engine) => status.ready(engine));
  // Whoever stops the worker while it loads may never look at it.
  ready.catch(() => {});

  const stop = async (): Promise<void> => {
    status.drain();
    const closed = app.close();
    // Connections that are kept alive, or were opened for later, would hold up the end until they time out.
    const sweep = setInterval(() => {
      if (unanswered() === 0) app.server.closeAllConnections();
    }, SWEEP_MS);
    const settled = await endsWithin(closed, options.drainMs ?? DRAIN_MS);
    if (!settled) {
      deps.log.warn(status.load(), "answers are broken off");
      stopping.abort(new ApiError("DRAINING", "this worker stopped before the answer was whole"));
      await endsWithin(closed, BREAK_OFF_MS);
      app.server.closeAllConnections();
    }
    await closed;
    clearInterval(sweep);
    stopHeartbeat();
  };
  let stopped: Promise<void> | undefined;
  return {
    url,
    ready,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function listen(app: FastifyInstance, { port, listen: host }: WorkerOptions): Promise<string> {
  try {
    await app.listen({ port, host });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code === "EADDRINUSE" ? "PORT_IN_USE" : "LISTEN_FAILED";
    throw new FatalError(code, cannotListen(cause, { listen: host, port }) ?? String(cause), { cause });
  }
  const address = app.server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return `http://${host.includes(":") ? `[${host}]` : host}:${bound}`;
}

/** Answers how many requests have come and are not answered yet. */
function countUnanswered(app: FastifyInstance): () => number {
  let unanswered = 0;
  app.server.on("request", (_request, response) => {
    unanswered++;
    response.once("close", () => {
      unanswered--;
    });
  });
  return () => unanswered;
}

/** Whether the promise settled within the time. */
async function endsWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
