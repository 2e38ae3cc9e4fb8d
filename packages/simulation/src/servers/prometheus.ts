import type { Reply } from "./kind.ts";

/** A number with its series: help and type stand above it unless the one before had the same name. */
export interface Series {
  readonly name: string;
  readonly help?: string;
  readonly type: "gauge" | "counter";
  readonly labels?: Readonly<Record<string, string>>;
  /** As it is printed. */
  readonly value: string;
}

export function prometheus(series: readonly Series[], headers: Readonly<Record<string, string>> = {}): Reply {
  let before: string | undefined;
  let body = "";
  for (const { name, help, type, labels = {}, value } of series) {
    if (name !== before && help !== undefined) body += `# HELP ${name} ${help}\n`;
    if (name !== before) body += `# TYPE ${name} ${type}\n`;
    before = name;
    const list = Object.entries(labels).map(([label, one]) => `${label}=${JSON.stringify(one)}`);
    body += `${name}${list.length === 0 ? "" : `{${list.join(",")}}`} ${value}\n`;
  }
  return { status: 200, headers: { "content-type": "text/plain; version=0.0.4", ...headers }, body };
}

/** As Python prints a float: with a point, and an exponent below 0.0001. */
export function pythonFloat(value: number): string {
  if (Number.isInteger(value)) return value.toFixed(1);
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

/** As C++ streams print a double: six digits, and an exponent of two from a million on. */
export function sixDigits(value: number): string {
  if (value === 0) return "0";
  const [digits = "", exponent] = value.toExponential(5).split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(Number(value.toPrecision(6)));
  const sign = power < 0 ? "-" : "+";
  return `${Number(digits)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}
