import type { Random } from "../random.ts";
import { TROUBLE_FROM_MS, TROUBLE_TO_MS } from "./scale.ts";

/** From then on, until then, ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What goes wrong in one world. Shares are of messages, or of hives, 0–1. */
export interface Trouble {
  readonly hives: number;
  readonly lost: number;
  readonly late: number;
  readonly doubled: number;
  /** The queen's process stands still. */
  readonly queenPauses: readonly Span[];
  readonly hivePauses: number;
  /** That part of the fleet is not heard. */
  readonly partition: Span & { readonly share: number };
  /** They end at once and for good; of these, so many connections are seen to close. */
  readonly death: { readonly atMs: number; readonly share: number; readonly closed: number };
  /** They start anew; what their earlier boots sent is sent again later. */
  readonly restarts: number;
  /** Their clocks jump by a day, either way. */
  readonly clockJumps: number;
  /** They say goodbye. */
  readonly goodbyes: number;
}

/** Many fleets are large, some are so small that shares of them are hardly anything. */
const SIZES = [3, 4, 7, 20, 60, 150, 400, 1_000, 1_000, 1_000];

export function troubleFrom(random: Random): Trouble {
  const hives = SIZES[random.whole(SIZES.length)] as number;
  /** Mostly not at all, so that each kind of trouble also comes alone. */
  const some = (most: number): number => (random.next() < 0.5 ? 0 : most * random.next());
  const spanOf = (longestMs: number): Span => {
    const lengthMs = longestMs * random.next();
    const fromMs = TROUBLE_FROM_MS + (TROUBLE_TO_MS - TROUBLE_FROM_MS - lengthMs) * random.next();
    return { fromMs, toMs: fromMs + lengthMs };
  };
  return {
    hives,
    lost: some(0.5),
    late: some(0.3),
    doubled: some(0.3),
    queenPauses: Array.from({ length: random.whole(3) }, () => spanOf(20_000)),
    hivePauses: some(0.5),
    partition: { ...spanOf(30_000), share: some(1) },
    death: { atMs: spanOf(0).fromMs, share: some(1), closed: random.whole(3) / 2 },
    restarts: some(0.5),
    clockJumps: some(0.5),
    goodbyes: some(0.3),
  };
}

/** At any time of trouble. */
export const someTime = (random: Random): number => TROUBLE_FROM_MS + (TROUBLE_TO_MS - TROUBLE_FROM_MS) * random.next();
