const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const HEIGHTS = "▁▂▃▄▅▆▇█";

/** A share from 0 to 1 as a bar; undefined is unknown, and stays empty. */
export function bar(share: number | undefined, width: number): string {
  if (share === undefined) return " ".repeat(width);
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  return `${"█".repeat(eighths >> 3)}${EIGHTHS[eighths & 7]}`.padEnd(width, "░");
}

/** The newest values, each as a little column between 0 and `max`; what is not known is a gap. */
export function sparkline(values: readonly (number | null)[], width: number, max: number): string {
  const column = (value: number | null): string =>
    value === null ? " " : (HEIGHTS[Math.min(7, Math.max(0, Math.floor((value / max) * 8)))] ?? " ");
  return values.slice(-width).map(column).join("").padStart(width);
}
