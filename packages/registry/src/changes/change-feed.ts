import type { RegistryEvent } from "../types.ts";

/** What a subscriber gets. */
export interface SubscribeOptions {
  /** Whether it is told of heartbeats and leases, by far the most frequent of changes. Default: yes. */
  readonly heartbeats?: boolean;
}

type Listener = (event: RegistryEvent) => void;

/** Who is told of changes. One change reaches everybody before the next one is delivered, whoever causes it and when. */
export class ChangeFeed {
  readonly #listeners: Map<Listener, { readonly heartbeats: boolean }> = new Map();
  readonly #onListenerError: (error: unknown) => void;
  readonly #outbox: RegistryEvent[] = [];
  #wantHeartbeats = 0;
  #delivering = false;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Whether anybody is told of changes of this kind. */
  wants(type: RegistryEvent["type"]): boolean {
    return (isHeartbeat(type) ? this.#wantHeartbeats : this.#listeners.size) > 0;
  }

  subscribe(listener: Listener, { heartbeats = true }: SubscribeOptions): () => void {
    // One of its own for each call: the same function may be given twice.
    const own: Listener = (event) => listener(event);
    this.#listeners.set(own, { heartbeats });
    if (heartbeats) this.#wantHeartbeats++;
    return () => {
      if (this.#listeners.delete(own) && heartbeats) this.#wantHeartbeats--;
    };
  }

  deliver(event: RegistryEvent): void {
    if (!this.wants(event.type)) return;
    this.#outbox.push(event);
    if (this.#delivering) return;
    this.#delivering = true;
    for (let next = this.#outbox.shift(); next !== undefined; next = this.#outbox.shift()) {
      for (const [listener, { heartbeats }] of [...this.#listeners]) {
        if (!heartbeats && isHeartbeat(next.type)) continue;
        try {
          listener(next);
        } catch (error) {
          this.#onListenerError(error);
        }
      }
    }
    this.#delivering = false;
  }
}

const isHeartbeat = (type: RegistryEvent["type"]): boolean => type === "hive.heartbeat" || type === "hive.lease";
