import type { Exchange } from "./exchange.ts";

/**
 * The requests that are under way, in no particular order. An array in which each knows its place, and no `Set`: one that
 * grows and shrinks all the time leaves tables behind that keep what was in them from the young generation's collector, which
 * then was a tenth of what a request cost.
 */
export class UnderWay {
  readonly #all: Exchange[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(exchange: Exchange): void {
    exchange.place = this.#all.length;
    this.#all.push(exchange);
  }

  /** Harmless when it was removed before. */
  remove(exchange: Exchange): void {
    const { place } = exchange;
    if (place === -1) return;
    exchange.place = -1;
    const last = this.#all.pop() as Exchange;
    if (last === exchange) return;
    this.#all[place] = last;
    last.place = place;
  }

  /** As they are now: whoever is removed meanwhile may be told still. */
  list(): readonly Exchange[] {
    return [...this.#all];
  }
}
