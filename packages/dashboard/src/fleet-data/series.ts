import type { FleetTelemetry } from "@hive-registry/client";

type Values = readonly (number | null)[];

/** Of several series the sum, step by step; null where none tells. */
export function summed(series: readonly Values[]): (number | null)[] {
  const length = Math.max(0, ...series.map((values) => values.length));
  return Array.from({ length }, (_, at) => {
    let sum: number | null = null;
    for (const values of series) {
      const value = values[at] ?? null;
      if (value !== null) sum = (sum ?? 0) + value;
    }
    return sum;
  });
}

/** Counts a step as a rate a second. Without the last step, which is still under way and would always look like a fall. */
export function perSecond(counts: Values, stepMs: number): (number | null)[] {
  return counts.slice(0, -1).map((count) => (count === null ? null : (count * 1000) / stepMs));
}

/** The newest value that is known. */
export function newest(values: Values): number | undefined {
  for (let at = values.length - 1; at >= 0; at--) {
    const value = values[at];
    if (value !== null && value !== undefined) return value;
  }
  return undefined;
}

/** What the gateway carried of all models together. A minute in which nothing was asked is 0 where the gateway was there. */
export function fleetRates({ models, step_ms }: FleetTelemetry): {
  readonly requests: (number | null)[];
  readonly tokens: (number | null)[];
} {
  const requests = summed(models.map(({ series }) => series.requests));
  const tokens = summed(models.flatMap(({ series }) => [series.input_tokens, series.output_tokens]));
  return { requests: perSecond(requests, step_ms), tokens: perSecond(tokens, step_ms) };
}
