import type { RegistryEvent } from "../types.ts";

/** What a subscriber gets. */
export interface SubscribeOptions {
  /** Whether it is told of heartbeats and leases, by far the most frequent of changes. Default: yes. */
  readonly heartbeats?: boolean;
}

interface Subscriber {
  readonly listener: (event: RegistryEvent) => void;
  readonly heartbeats: boolean;
}

/** Who is told of changes. One change reaches everybody before the next one is delivered, whoever causes it and when. */
export class ChangeFeed {
  readonly #subscribers: Set<Subscriber> = new Set();
  readonly #onListenerError: (error: unknown) => void;
  readonly #outbox: RegistryEvent[] = [];
  #wantHeartbeats = 0;
  #delivering = false;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Whether anybody is told of changes of this kind. */
  wants(type: RegistryEvent["type"]): boolean {
    return (isHeartbeat(type) ? this.#wantHeartbeats : this.#subscribers.size) > 0;
  }

  subscribe(listener: Subscriber["listener"], { heartbeats = true }: SubscribeOptions): () => void {
    const subscriber = { listener, heartbeats };
    this.#subscribers.add(subscriber);
    if (heartbeats) this.#wantHeartbeats++;
    return () => {
      if (this.#subscribers.delete(subscriber) && heartbeats) this.#wantHeartbeats--;
    };
  }

  deliver(event: RegistryEvent): void {
    if (!this.wants(event.type)) return;
    this.#outbox.push(event);
    if (this.#delivering) return;
    this.#delivering = true;
    for (let next = this.#outbox.shift(); next !== undefined; next = this.#outbox.shift()) {
      for (const { listener, heartbeats } of [...this.#subscribers]) {
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
