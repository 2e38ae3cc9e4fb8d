export interface Backoff {
  readonly firstMs: number;
  readonly capMs: number;
}

/**
 * How long to wait before try number `attempt` (the first retry is 0): doubles from `firstMs` up to `capMs`, of which a
 * random half to whole is taken, so that many who failed together do not come back together. Never more than `capMs`.
 */
export function backoffMs(attempt: number, { firstMs, capMs }: Backoff, random: () => number): number {
  const whole = Math.min(capMs, firstMs * 2 ** Math.min(attempt, 30));
  return whole * (0.5 + random() / 2);
}
