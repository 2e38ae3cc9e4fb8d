import { type BackoffOptions, pause } from "../backoff.ts";
import { type Following, follow } from "../follow.ts";
import type { HiveClient } from "../queen-client.ts";
import { WATCH_BACKOFF } from "../watch.ts";
import type { Mirror } from "./mirror.ts";

/**
 * `lost`: the stream from the queen broke; what is known grows old from here on. `back`: she is heard again; `stale_ms` says
 * how long she was not.
 */
export type QueenNews =
  | { readonly type: "lost"; readonly stale_ms: number; readonly error: unknown }
  | { readonly type: "back"; readonly stale_ms: number };

export interface QueenLinkOptions {
  readonly backoff?: BackoffOptions;
  /** A stream on which nothing comes for so long counts as dead. */
  readonly idleMs?: number;
}

/** Follows the queen until it is stopped, whatever happens to her, and knows how old what it heard is. */
export class QueenLink {
  /** Resolves with the first snapshot. Rejects for what trying again does not heal, such as a wrong token. */
  readonly ready: Promise<void>;
  readonly #client: Pick<HiveClient, "watch">;
  readonly #mirror: Mirror;
  readonly #now: () => number;
  readonly #options: QueenLinkOptions;
  readonly #listeners: Set<(news: QueenNews) => void> = new Set();
  readonly #stopping: AbortController = new AbortController();
  readonly #run: Promise<void>;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #isUp = false;

  constructor(
    deps: { readonly client: Pick<HiveClient, "watch">; readonly mirror: Mirror; readonly now: () => number },
    options: QueenLinkOptions = {},
  ) {
    this.#client = deps.client;
    this.#mirror = deps.mirror;
    this.#now = deps.now;
    this.#options = options;
    const first = this.#follow();
    this.ready = first.ready;
    this.#run = this.#goOn(first);
  }

  /** The stream stands. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** 0 while the stream stands; else how long ago the queen was last heard, `Infinity` before the first time. */
  get staleMs(): number {
    return this.#isUp ? 0 : this.#now() - this.#heardAtMs;
  }

  /** @returns the function that ends it. */
  onNews(listener: (news: QueenNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#mirror.pause();
    await this.#run;
    this.#isUp = false;
  }

  #follow(): Following {
    const { backoff, idleMs } = this.#options;
    const apply: Mirror["apply"] = (change) => {
      this.#heardAtMs = this.#now();
      this.#mirror.apply(change);
    };
    return follow(
      { client: this.#client, registry: { apply } },
      {
        signal: this.#stopping.signal,
        onOpen: () => this.#back(),
        onRetry: ({ error }) => this.#lost(error),
        ...(backoff === undefined ? {} : { backoff }),
        ...(idleMs === undefined ? {} : { idleMs }),
      },
    );
  }

  /** Once the fleet is known, even a refusal is no end: a queen that gets another token, or a proxy in trouble, comes back. */
  async #goOn(first: Following): Promise<void> {
    const { maxMs } = this.#options.backoff ?? WATCH_BACKOFF;
    let wasReady = false;
    for (let following = first; ; following = this.#follow()) {
      try {
        await following.ready;
        wasReady = true;
        await following.ended;
      } catch (error) {
        if (!this.#stopping.signal.aborted) this.#lost(error);
      }
      if (!wasReady || this.#stopping.signal.aborted) return;
      await pause(maxMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
    }
  }

  #lost(error: unknown): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#mirror.pause();
    this.#tell({ type: "lost", stale_ms: this.staleMs, error });
  }

  #back(): void {
    if (this.#isUp) return;
    const stale_ms = this.staleMs;
    this.#isUp = true;
    this.#heardAtMs = this.#now();
    this.#mirror.resume();
    // The first time she does not come back.
    if (stale_ms !== Number.POSITIVE_INFINITY) this.#tell({ type: "back", stale_ms });
  }

  #tell(news: QueenNews): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(news);
      } catch (error) {
        throwLater(error);
      }
    }
  }
}

/** An unhandled rejection: loud, and no reason to lose the queen. */
const throwLater = (error: unknown): void => void Promise.reject(error);
