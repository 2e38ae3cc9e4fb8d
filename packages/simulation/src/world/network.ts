import type { Random } from "../random.ts";
import type { Agenda } from "./agenda.ts";

export interface NetworkOptions {
  /** Mean time on the way in one direction, ms: half of it always, half by chance. So messages overtake each other. */
  readonly delayMs: number;
  /** Share of messages that never arrive, 0–1. */
  readonly loss: number;
}

/** Carries messages between places known by name, late, out of order, or never. */
export class Network {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #options: NetworkOptions;
  readonly #cut: Set<string> = new Set();
  #lost = 0;

  constructor(deps: { readonly agenda: Agenda; readonly random: Random }, options: NetworkOptions) {
    this.#agenda = deps.agenda;
    this.#random = deps.random;
    this.#options = options;
  }

  /** Messages that never arrived. */
  get lost(): number {
    return this.#lost;
  }

  send(from: string, to: string, arrive: () => void): void {
    const { delayMs, loss } = this.#options;
    const onTheWayMs = delayMs / 2 + this.#random.exponential(delayMs / 2);
    if (!this.isOpen(from, to) || (loss > 0 && this.#random.next() < loss)) {
      this.#lost++;
      return;
    }
    this.#agenda.after(onTheWayMs, arrive);
  }

  isOpen(a: string, b: string): boolean {
    return this.#cut.size === 0 || !this.#cut.has(pair(a, b));
  }

  /** Nothing passes between the two, in either direction. What is on the way already arrives. */
  cut(a: string, b: string): void {
    this.#cut.add(pair(a, b));
  }

  heal(a: string, b: string): void {
    this.#cut.delete(pair(a, b));
  }
}

const pair = (a: string, b: string): string => (a < b ? `${a}|${b}` : `${b}|${a}`);
