import { randomUUID } from "node:crypto";
import {
  compile,
  type HeartbeatReply,
  HeartbeatReplySchema,
  type HiveHeartbeatPayload,
  type HiveLease,
  WORKERS_PER_HIVE_MAX,
  type WorkerInfo,
} from "@hive-registry/contract";
import { WebSocket } from "ws";
import type { Random } from "../random.ts";

/** Until the queen says otherwise. */
const INTERVAL_MS = 5_000;
/** A worker's change of state does not wait for the next beat. */
const URGENT_DELAY_MS = 20;
/** Of so many heartbeats at least one is a full one. */
const FULL_EVERY = 12;
const RECONNECT_FIRST_MS = 250;
const RECONNECT_MAX_MS = 5_000;
const HANDSHAKE_LIMIT_MS = 5_000;
/** How long a hive that stops waits for its goodbye to leave. */
const GOODBYE_LIMIT_MS = 1_000;

export interface FakeHiveOptions {
  readonly queenUrl: string;
  readonly token?: string | undefined;
  readonly hiveId: string;
}

export interface FakeHiveDeps {
  /** What runs on it now. */
  readonly workers: () => readonly WorkerInfo[];
  readonly random: Random;
}

/**
 * A hive that only beats: one WebSocket to the queen, full heartbeats when something changed, leases when nothing did, as the
 * real one does. It connects again for as long as it runs.
 */
export class FakeHive {
  readonly hiveId: string;
  readonly #deps: FakeHiveDeps;
  readonly #options: FakeHiveOptions;
  readonly #bootId: string = randomUUID();
  #socket: WebSocket | undefined;
  #beatTimer: NodeJS.Timeout | undefined;
  #urgentTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #intervalMs = INTERVAL_MS;
  #retryMs = RECONNECT_FIRST_MS;
  #seq = 0;
  /** What was told last, as text, and what of it cannot wait. */
  #told = "";
  #toldStates = "";
  #leases = 0;
  #beats = 0;
  #isAccepted = false;
  #fault: string | undefined;
  #isStopped = false;

  constructor(deps: FakeHiveDeps, options: FakeHiveOptions) {
    this.#deps = deps;
    this.#options = options;
    this.hiveId = options.hiveId;
    this.#connect();
  }

  /** The queen took its first heartbeat on the present connection. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /** Messages sent so far. */
  get beats(): number {
    return this.#beats;
  }

  /** Why the last connection did not come about or ended; undefined while one stands. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** A worker changed. A change of state is told at once, all else with the next beat. */
  changed(): void {
    if (this.#urgentTimer !== undefined || this.#isStopped || statesOf(this.#workers()) === this.#toldStates) return;
    this.#urgentTimer = setTimeout(() => {
      this.#urgentTimer = undefined;
      this.#beat();
    }, URGENT_DELAY_MS);
  }

  /** @param goodbye the queen sends nobody there any more; without, it just falls silent, as when its power fails. */
  async stop({ goodbye = true }: { readonly goodbye?: boolean } = {}): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const timer of [this.#beatTimer, this.#urgentTimer, this.#retryTimer]) clearTimeout(timer);
    const socket = this.#socket;
    if (socket === undefined) return;
    if (!goodbye || socket.readyState !== WebSocket.OPEN) return socket.terminate();
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.send(this.#everything({ goodbye: true }), () => undefined);
    socket.close(1000);
    const limit = setTimeout(() => socket.terminate(), GOODBYE_LIMIT_MS);
    await closed;
    clearTimeout(limit);
  }

  #connect(): void {
    const { queenUrl, token } = this.#options;
    const socket = new WebSocket(`${queenUrl.replace(/^http/, "ws").replace(/\/+$/, "")}/api/v1/heartbeat`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      handshakeTimeout: HANDSHAKE_LIMIT_MS,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.on("open", () => {
      this.#fault = undefined;
      this.#told = "";
      this.#beat();
    });
    socket.on("message", (data) => this.#hear(data.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#fault = error.code ?? error.message;
    });
    socket.on("close", () => {
      this.#isAccepted = false;
      this.#fault ??= "the queen closed the connection";
      clearTimeout(this.#beatTimer);
      if (this.#isStopped) return;
      this.#retryTimer = setTimeout(() => this.#connect(), this.#retryMs * (0.5 + this.#deps.random.next() / 2));
      this.#retryMs = Math.min(RECONNECT_MAX_MS, 2 * this.#retryMs);
    });
  }

  #hear(text: string): void {
    const reply = replyIn(text);
    if (reply === undefined) {
      this.#fault = "its answer is not one of this version";
      return;
    }
    this.#retryMs = RECONNECT_FIRST_MS;
    this.#isAccepted ||= reply.accepted;
    if (!reply.accepted) this.#fault = reply.error?.message ?? reply.reason;
    if (reply.next_heartbeat_ms !== this.#intervalMs) {
      this.#intervalMs = reply.next_heartbeat_ms;
      this.#schedule();
    }
    if (reply.reason === "unknown" && this.#leases > 0) {
      this.#told = "";
      this.#beat();
    }
  }

  #beat(): void {
    this.#schedule();
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    const isFullDue = this.#leases + 1 >= FULL_EVERY || factsOf(this.#workers()) !== this.#told;
    this.#beats++;
    socket.send(isFullDue ? this.#everything({}) : this.#lease(), () => undefined);
  }

  #schedule(): void {
    clearTimeout(this.#beatTimer);
    if (this.#isStopped) return;
    // ±10 %, so that a fleet that was started at once does not beat at once.
    const jitter = 0.9 + 0.2 * this.#deps.random.next();
    this.#beatTimer = setTimeout(() => this.#beat(), this.#intervalMs * jitter);
  }

  #everything(more: Pick<HiveHeartbeatPayload, "goodbye">): string {
    const workers = this.#workers();
    this.#told = factsOf(workers);
    this.#toldStates = statesOf(workers);
    this.#leases = 0;
    const payload: HiveHeartbeatPayload = {
      ...{ hive_id: this.hiveId, timestamp: new Date().toISOString(), boot_id: this.#bootId, seq: ++this.#seq },
      ...{ interval_ms: this.#intervalMs, version: "simulated", workers, ...more },
    };
    return JSON.stringify(payload);
  }

  #lease(): string {
    this.#leases++;
    const lease: HiveLease = { hive_id: this.hiveId, boot_id: this.#bootId, seq: ++this.#seq };
    return JSON.stringify(lease);
  }

  #workers(): readonly WorkerInfo[] {
    return this.#deps.workers().slice(0, WORKERS_PER_HIVE_MAX);
  }
}

const replyValidator = compile(HeartbeatReplySchema);

function replyIn(text: string): HeartbeatReply | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return replyValidator.check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** All but when it was heard, which always changes. */
const factsOf = (workers: readonly WorkerInfo[]): string =>
  JSON.stringify(workers.map(({ last_heartbeat: _when, ...facts }) => facts));

const statesOf = (workers: readonly WorkerInfo[]): string =>
  workers.map(({ worker_id, state, draining }) => `${worker_id} ${state} ${draining}`).join("\n");
