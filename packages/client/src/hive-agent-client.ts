import type { MachineInfo, ManagedWorker, StartWorker, WorkerHeartbeat } from "@hive-registry/contract";
import { type CallOptions, Transport, type TransportOptions } from "./transport.ts";

const segment = encodeURIComponent;

/** Typed calls to one hive's own API (port 7835). Every method throws `ClientError`. */
export class HiveAgentClient {
  readonly #hive: Transport;

  constructor(options: TransportOptions) {
    this.#hive = new Transport("hive", options);
  }

  get baseUrl(): string {
    return this.#hive.baseUrl;
  }

  devices(options?: CallOptions): Promise<MachineInfo> {
    return this.#hive.json("/v1/devices", options);
  }

  async workers(options?: CallOptions): Promise<readonly ManagedWorker[]> {
    return (await this.#hive.json<{ workers: readonly ManagedWorker[] }>("/v1/workers", options)).workers;
  }

  /** With `wait` it answers when the model is loaded or has failed: give it a `timeoutMs` that fits the model. */
  startWorker(worker: StartWorker, options?: CallOptions): Promise<ManagedWorker> {
    return this.#hive.json("/v1/workers", { ...options, method: "POST", body: worker });
  }

  async stopWorker(workerId: string, options?: CallOptions): Promise<void> {
    await this.#hive.text(`/v1/workers/${segment(workerId)}`, { ...options, method: "DELETE" });
  }

  /** The end of its log, as text. */
  workerLogs(workerId: string, query: { readonly tail_bytes?: number } = {}, options?: CallOptions): Promise<string> {
    return this.#hive.text(`/v1/workers/${segment(workerId)}/logs`, { ...options, query: { ...query } });
  }

  /** What a worker tells its hive about itself. */
  async workerHeartbeat(heartbeat: WorkerHeartbeat, options?: CallOptions): Promise<void> {
    await this.#hive.text("/v1/heartbeat", { ...options, method: "POST", body: heartbeat });
  }

  /** Asks the hive to say goodbye, stop its workers and end. */
  async shutdown(options?: CallOptions): Promise<void> {
    // The header keeps web pages out: a browser asks before it sends one like it to another origin.
    await this.#hive.text("/v1/shutdown", { ...options, method: "POST", headers: { "x-hive-shutdown": "yes" } });
  }

  /** Who it is. */
  health(options?: CallOptions): Promise<{ readonly hive_id?: string; readonly version?: string }> {
    return this.#hive.json("/healthz", options);
  }
}
