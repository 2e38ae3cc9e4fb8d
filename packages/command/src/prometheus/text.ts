import type { Buckets, Family, Labels } from "./family.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A page of metrics, in Prometheus' text format, version 0.0.4. A family of which nothing is known is left out. */
export function metricsPage<Source>(families: readonly Family<Source>[], source: Source): string {
  return families.map((family) => familyText(family, source)).join("");
}

function familyText<Source>(family: Family<Source>, source: Source): string {
  const { name, help, kind } = family;
  const lines =
    family.kind === "histogram"
      ? family.read(source).flatMap((buckets) => bucketLines(name, buckets))
      : family.read(source).flatMap(({ labels, value }) => line(name, labels, value));
  if (lines.length === 0) return "";
  const told = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return [`# HELP ${name} ${told}`, `# TYPE ${name} ${kind}`, ...lines, ""].join("\n");
}

function bucketLines(name: string, { labels, bounds, counts, sum }: Buckets): string[] {
  let total = 0;
  const lines = [...bounds, Number.POSITIVE_INFINITY].flatMap((bound, at) => {
    total += counts[at] ?? 0;
    return line(`${name}_bucket`, { ...labels, le: numberText(bound) }, total);
  });
  return [...lines, ...line(`${name}_sum`, labels, sum), ...line(`${name}_count`, labels, total)];
}

function line(name: string, labels: Labels = {}, value: number | undefined | null): string[] {
  if (value === undefined || value === null) return [];
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return [`${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}`];
}

const numberText = (value: number): string =>
  Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
