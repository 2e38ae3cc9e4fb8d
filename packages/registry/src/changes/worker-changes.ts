import type { WorkerState } from "../types.ts";

/** Something that happened to one worker, beside the numbers that it reports. */
export type WorkerChange = {
  readonly hive_id: string;
  readonly worker_id: string;
  readonly model_id: string | undefined;
  /** The registry's clock when it happened. */
  readonly at_ms: number;
} & (
  | { readonly kind: "added"; readonly state: WorkerState }
  | {
      readonly kind: "removed";
      /** `unlisted`: its hive reports it no more. `hive`: its hive is gone, and all its workers with it. */
      readonly reason: "unlisted" | "hive";
    }
  | { readonly kind: "state"; readonly from: WorkerState; readonly to: WorkerState }
  | { /** It failed a request and is set aside. */ readonly kind: "failed"; readonly until_ms: number }
  | { /** It failed before, and took a request well. */ readonly kind: "recovered" }
);

type Listener = (change: WorkerChange) => void;

/** Who is told what happens to workers. While nobody is, none of it is noted. Each step's changes are told after the step. */
export class WorkerChanges {
  readonly #listeners: Set<Listener> = new Set();
  readonly #onListenerError: (error: unknown) => void;
  #noted: WorkerChange[] = [];

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  get wanted(): boolean {
    return this.#listeners.size > 0;
  }

  /** @returns the function that ends it. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  note(change: WorkerChange): void {
    this.#noted.push(change);
  }

  /** Tells what was noted; to be called when the step is done. */
  tell(): void {
    if (this.#noted.length === 0) return;
    const changes = this.#noted;
    this.#noted = [];
    for (const change of changes) {
      for (const listener of this.#listeners) {
        try {
          listener(change);
        } catch (error) {
          this.#onListenerError(error);
        }
      }
    }
  }

  /** What was noted is nobody's news: everything was replaced. */
  drop(): void {
    this.#noted = [];
  }
}
