export type Labels = Readonly<Record<string, string>>;

/** One number of a family, told apart from the others by its labels. Undefined and null: it is not known, and left out. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number | undefined | null;
}

/** What a histogram counted, as Prometheus has it: each bucket counts what is not above its bound. */
export interface Buckets {
  readonly labels?: Labels;
  readonly bounds: readonly number[];
  /** One more than bounds: what is above the last. Not cumulative. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Metrics of one name. `Source` is what they are read from, at the moment somebody asks. */
export type Family<Source> = {
  /**
   * Says the unit: base units (`_seconds`, `_bytes`, `_ratio` from 0 to 1), and `_total` for counters and nothing else.
   * Rule: Prometheus, "Metric and label naming"; `promtool check metrics` knows it.
   */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
} & (
  | { readonly kind: "counter" | "gauge"; readonly read: (source: Source) => readonly Sample[] }
  | { readonly kind: "histogram"; readonly read: (source: Source) => readonly Buckets[] }
);

/** The one sample of a family without labels. */
export const one = (value: number | undefined | null): readonly Sample[] => [{ value }];

/** A sample for each entry, its key as the label. */
export const by = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(values).map(([text, value]) => ({ labels: { [label]: text }, value }));
