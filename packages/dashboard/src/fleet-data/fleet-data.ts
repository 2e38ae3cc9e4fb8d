import { ClientError, follow, type HiveClient, type RegistryEvent, type RegistrySnapshot } from "@hive-registry/client";
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { HiveRegistry } from "hive-registry";
import type { Connection } from "./connection.ts";
import { FleetRows } from "./fleet-rows.ts";
import { browserFrames, FrameClock, type Frames } from "./frame-clock.ts";
import { QueenTime } from "./queen-time.ts";

/** Heartbeats of so many hives a second are enough for whoever looks: at 10,000 hives each is new every 20 s. */
export const HIVES_PER_SECOND = 500;

/** The queen says something every 15 s at the latest; one that says nothing for so long is not there. */
const IDLE_MS = 20_000;

/** Ages are counted in seconds. */
const SECOND_MS = 1_000;

/**
 * The page's own registry, fed by the queen's stream of changes. What draws reads `version` (or `seconds`, for ages) and then
 * asks `registry` and `rows`, which stand still between two pictures.
 */
export class FleetData {
  readonly registry: HiveRegistry;
  readonly rows: FleetRows;
  readonly #frames: Frames;
  readonly #time: QueenTime;
  readonly #clock: FrameClock;
  readonly #connection: Signal<Connection> = signal({ state: "connecting" });
  readonly #version: Signal<number> = signal(0);
  readonly #seconds: Signal<number> = signal(0);
  readonly #hasSnapshot: Signal<boolean> = signal(false);
  #heardMs = 0;

  constructor(deps: { readonly frames: Frames } = { frames: browserFrames }) {
    this.#frames = deps.frames;
    const localMs = () => performance.timeOrigin + this.#frames.nowMs();
    this.#time = new QueenTime(localMs);
    this.registry = new HiveRegistry({ now: localMs });
    this.rows = new FleetRows(this.registry);
    this.#clock = new FrameClock({ frames: this.#frames, draw: () => this.#draw() });
  }

  get connection(): ReadonlySignal<Connection> {
    return this.#connection;
  }

  /** Another number after each change that may be seen; at most ten times a second, never while the page is hidden. */
  get version(): ReadonlySignal<number> {
    return this.#version;
  }

  /** Counts up each second, for ages. */
  get seconds(): ReadonlySignal<number> {
    return this.#seconds;
  }

  /** False until the fleet is known for the first time: until then an empty registry says nothing. */
  get isKnown(): ReadonlySignal<boolean> {
    return this.#hasSnapshot;
  }

  /** The queen's clock, ms since epoch. It stands still while she is away: what is shown is of then, and so are its ages. */
  queenNowMs(): number {
    const connection = this.#connection.peek();
    const awayMs = connection.state === "stale" ? this.nowMs() - connection.since_ms : 0;
    return this.#time.nowMs() - awayMs;
  }

  /** The page's own clock, ms: what `since_ms` of a connection is counted by. */
  nowMs(): number {
    return this.#frames.nowMs();
  }

  /** Follows the queen until the returned function is called. What is known stays. */
  start(client: Pick<HiveClient, "watch">): () => void {
    const stopping = new AbortController();
    this.#connection.value = this.#hasSnapshot.peek()
      ? { state: "stale", since_ms: this.#heardMs, message: "connecting anew" }
      : { state: "connecting" };
    const following = follow(
      {
        client: {
          watch: (_query, options) => client.watch({ hives_per_second: HIVES_PER_SECOND }, options),
        },
        registry: { apply: (change) => this.#take(change) },
      },
      {
        signal: stopping.signal,
        idleMs: IDLE_MS,
        onOpen: () => this.#opened(),
        onRetry: ({ error }) => this.#lost(error),
      },
    );
    following.ended.catch((error: unknown) => {
      if (!stopping.signal.aborted) this.#connection.value = { state: "refused", message: messageOf(error) };
    });
    const seconds = setInterval(() => {
      if (document.visibilityState === "visible") this.#seconds.value++;
    }, SECOND_MS);
    return () => {
      clearInterval(seconds);
      stopping.abort();
      this.#clock.stop();
    };
  }

  #take(change: RegistrySnapshot | RegistryEvent): void {
    this.registry.apply(change);
    this.rows.note(change);
    this.#time.heard(change.at_ms, { anew: change.type === "snapshot" });
    this.#heardMs = this.#frames.nowMs();
    if (this.#connection.peek().state !== "live") this.#connection.value = { state: "live" };
    this.#clock.changed();
  }

  /** A stream that goes on where the last one ended may have nothing to say for a while. */
  #opened(): void {
    this.#heardMs = this.#frames.nowMs();
    if (this.#connection.peek().state === "stale") this.#connection.value = { state: "live" };
  }

  #lost(error: unknown): void {
    const message = messageOf(error);
    if (!this.#hasSnapshot.peek()) this.#connection.value = { state: "connecting", message };
    else this.#connection.value = { state: "stale", since_ms: this.#heardMs, message };
  }

  #draw(): void {
    this.rows.refresh();
    batch(() => {
      this.#hasSnapshot.value = true;
      this.#version.value++;
    });
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ClientError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
