import type { RegistryEvent } from "../types.ts";

/** Who is told of changes. One change reaches everybody before the next one is delivered, whoever causes it and when. */
export class ChangeFeed {
  readonly #listeners: Set<(event: RegistryEvent) => void> = new Set();
  readonly #onListenerError: (error: unknown) => void;
  readonly #outbox: RegistryEvent[] = [];
  #delivering = false;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  subscribe(listener: (event: RegistryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  deliver(event: RegistryEvent): void {
    if (this.#listeners.size === 0) return;
    this.#outbox.push(event);
    if (this.#delivering) return;
    this.#delivering = true;
    for (let next = this.#outbox.shift(); next !== undefined; next = this.#outbox.shift()) {
      for (const listener of [...this.#listeners]) {
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
