/** One number of a family, told apart from the others by its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Buckets as Prometheus has them: each counts what is not above its bound. */
export interface Buckets {
  readonly bounds: readonly number[];
  /** One more than bounds: what is above the last. Not cumulative. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Metrics of one name. `Source` is what they are read from, at the moment somebody asks. */
export interface Family<Source> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly kind: "counter" | "gauge" | "histogram";
  readonly read: (source: Source) => readonly Sample[] | Buckets;
}

/** Prometheus's text format, version 0.0.4. */
export function familyText<Source>(family: Family<Source>, source: Source): string {
  const { name, help, kind } = family;
  const read = family.read(source);
  const lines = "bounds" in read ? bucketLines(name, read) : read.map((sample) => line(name, sample));
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines, ""].join("\n");
}

function bucketLines(name: string, { bounds, counts, sum }: Buckets): string[] {
  let total = 0;
  const lines = [...bounds, Number.POSITIVE_INFINITY].map((bound, at) => {
    total += counts[at] ?? 0;
    return line(`${name}_bucket`, {
      labels: { le: bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound) },
      value: total,
    });
  });
  return [...lines, line(`${name}_sum`, { value: sum }), line(`${name}_count`, { value: total })];
}

function line(name: string, { labels = {}, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
