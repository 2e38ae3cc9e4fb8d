/// <reference path="./parse-prometheus-text-format.d.ts" />
import parsePrometheusTextFormat from "parse-prometheus-text-format";

/** A text as long as this is not looked at: one that was cut off may end in the middle of a number. */
export const METRICS_CHARS_MAX: number = 2 * 1024 * 1024;
/** Series of the metrics that are asked for: thousands of engines behind one server are a mistake. */
export const SERIES_MAX = 4_096;

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** NaN when it is not a finite number. */
  readonly value: number;
}

/** What a page of metrics says of some of them. */
export class Metrics {
  readonly #series: ReadonlyMap<string, readonly Series[]>;

  constructor(series: ReadonlyMap<string, readonly Series[]>) {
    this.#series = series;
  }

  /** Of all label sets; none when the metric is absent. */
  series(name: string): readonly Series[] {
    return this.#series.get(name) ?? [];
  }

  /** Over all label sets. `null`: absent, or one of them is not a number, for a sum without it would be too low. */
  sum(name: string): number | null {
    return total(this.series(name), (a, b) => a + b);
  }

  /** As {@link sum}, but the largest. */
  max(name: string): number | null {
    return total(this.series(name), Math.max);
  }
}

function total(series: readonly Series[], join: (a: number, b: number) => number): number | null {
  if (series.length === 0) return null;
  const value = series.map((one) => one.value).reduce((a, b) => join(a, b));
  return Number.isFinite(value) ? value : null;
}

/**
 * Reads the named metrics out of a text in Prometheus's format. Only their lines reach the parser: a page of vLLM has a
 * thousand others, and is read every second.
 *
 * @returns `null` when one of their lines is wrong, or there are too many.
 */
export function readMetrics(text: string, names: readonly string[]): Metrics | null {
  if (text.length > METRICS_CHARS_MAX) return null;
  const lines = linesOf(names, text);
  if (lines.length > SERIES_MAX) return null;
  const series = new Map<string, Series[]>();
  try {
    for (const line of lines) {
      // One at a time: the parser takes neighbours with the same labels for one series, and leaves out a last line without its end.
      const [family] = parsePrometheusTextFormat(`${line}\n`);
      if (family === undefined) return null;
      const read = family.metrics.map(({ labels = {}, value = "" }) => ({ labels, value: numberIn(value) }));
      const others = series.get(family.name);
      if (others === undefined) series.set(family.name, read);
      else others.push(...read);
    }
  } catch {
    return null;
  }
  return new Metrics(series);
}

/** Those that are samples of one of these metrics; one more than there may be, at most. */
function linesOf(names: readonly string[], text: string): string[] {
  const lines: string[] = [];
  for (let start = 0; start < text.length && lines.length <= SERIES_MAX; ) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    if (names.some((name) => isSampleAt(start, name, text))) lines.push(text.slice(start, end));
    start = end + 1;
  }
  return lines;
}

function isSampleAt(start: number, name: string, text: string): boolean {
  if (!text.startsWith(name, start)) return false;
  const next = text[start + name.length];
  return next === "{" || next === " " || next === "\t";
}

/** `Number` takes an empty text for 0. */
function numberIn(value: string): number {
  const number = value === "" ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : Number.NaN;
}
