import type { StatsReply } from "@hive-registry/contract";
import type { WorkerInfo } from "hive-registry";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { type QueenSettings, type RunningQueen, serveQueen } from "../../serve.ts";
import { aWorker } from "../../testing/a-queen.ts";
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from "../limits.ts";

export interface AGateway {
  readonly url: string;
  readonly running: RunningQueen;
  /** A hive tells its workers: all of them, each time. They have room for two requests unless they say otherwise. */
  report(workers: readonly Partial<WorkerInfo>[], hiveId?: string, hiveUrl?: string): void;
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  chat(fields?: object, init?: RequestInit): Promise<Response>;
  stats(): StatsReply;
}

/** A queen that really listens, with workers that somebody else is. Ends with the test. */
export async function aGateway(
  limits: Partial<GatewayLimits> = {},
  settings: Partial<QueenSettings> = {},
): Promise<AGateway> {
  const running = await serveQueen(
    { log: pino({ level: "silent" }) },
    {
      ...{ port: 0, listen: "127.0.0.1", catalog: "memory", stateDir: "", tokenFile: undefined, token: undefined },
      // An unknown model is unknown from the start.
      ...{ heartbeatIntervalMs: 0, maxHeartbeatsPerSecond: 5_000, evictAfterMs: 0 },
      gateway: { ...DEFAULT_GATEWAY_LIMITS, ...limits },
      ...settings,
    },
  );
  onTestFinished(() => running.stop());
  let seq = 0;
  const { queen, url } = running;
  const report: AGateway["report"] = (workers, hiveId = "desk", hiveUrl) => {
    const list = workers.map((fields, at) =>
      aWorker({ worker_id: `w${at}`, model_id: "m", slots_total: 2, ...fields }),
    );
    const timestamp = new Date(queen.clock.nowMs()).toISOString();
    const reply = queen.receiveHeartbeat({
      ...{ hive_id: hiveId, boot_id: "b", seq: ++seq, timestamp, interval_ms: 60_000 },
      workers: list,
      ...(hiveUrl !== undefined && { hive_url: hiveUrl }),
    });
    if (!reply.accepted) throw new Error(`refused: ${reply.reason}`);
  };
  const post: AGateway["post"] = (path, body, init = {}) =>
    fetch(`${url}${path}`, {
      method: "POST",
      body:
        typeof body === "string"
          ? body
          : body instanceof Uint8Array
            ? new Blob([Buffer.from(body)])
            : JSON.stringify(body),
      ...init,
      headers: { "content-type": "application/json", ...init.headers },
    });
  return {
    ...{ url, running, report, post },
    chat: (fields, init) =>
      post("/v1/chat/completions", { model: "m", messages: [{ role: "user", content: "Hi" }], ...fields }, init),
    stats: () => queen.stats(),
  };
}
