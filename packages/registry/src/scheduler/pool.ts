/** In which order those with room stand: least used first, least loaded first, or whose turn it is. */
export type Order = "used" | "loaded" | "turn";

/** Where a worker stands now. Lower is better; the tie decides among equal scores. */
export interface Standing {
  /** Whether it could take one more request. */
  isOpen(seat: number): boolean;
  score(order: Order, seat: number): number;
  tie(order: Order, seat: number): number;
}

/** Workers among which a policy chooses: those that a request may go to, as far as they have room. */
export interface Pool {
  /** How many have room, or a few more: some may have lost it since. */
  readonly size: number;
  /** The best of an order that has room and passes, -1 when none does. */
  first(order: Order, passes?: (seat: number) => boolean): number;
  /** One of those with room by chance, each as likely as the other; -1 when there is none. */
  any(random: () => number): number;
}

/** Whether `a` comes before `b`; -1 is nobody, and comes last. */
export function isBefore(standing: Standing, order: Order, a: number, b: number): boolean {
  if (a === -1 || b === -1) return a !== -1;
  const [scoreA, scoreB] = [standing.score(order, a), standing.score(order, b)];
  return scoreA === scoreB ? standing.tie(order, a) < standing.tie(order, b) : scoreA < scoreB;
}
