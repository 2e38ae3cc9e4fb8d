/** Numbers as people read them. Unknown is an en dash, never 0. */

export const UNKNOWN = "–";

/** Memory in decimal GB, as `vram_used_gb` counts: "512 MB", "23.9 GB", "1.2 TB". */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined || !Number.isFinite(bytes)) return UNKNOWN;
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`;
  if (bytes < 1e12) return `${threeDigits(bytes / 1e9)} GB`;
  return `${threeDigits(bytes / 1e12)} TB`;
}

/** Used of total with one unit: "18.4 of 24 GB". */
export function bytesOfText(used: number, total: number | undefined): string {
  if (total === undefined) return bytesText(used);
  const [unit, name] = total >= 1e12 ? [1e12, "TB"] : [1e9, "GB"];
  return `${threeDigits(used / unit)} of ${threeDigits(total / unit)} ${name}`;
}

export function percentText(percent: number | undefined): string {
  return percent === undefined || !Number.isFinite(percent) ? UNKNOWN : `${Math.round(percent)} %`;
}

/** "12", "1,234", "12.3 k", "4.6 M". */
export function countText(count: number | undefined): string {
  if (count === undefined || !Number.isFinite(count)) return UNKNOWN;
  if (count < 10_000) return Math.round(count).toLocaleString("en");
  return count < 1e6 ? `${threeDigits(count / 1e3)} k` : `${threeDigits(count / 1e6)} M`;
}

/** Something a second: more digits where it is little. */
export function rateText(rate: number | undefined): string {
  if (rate === undefined || !Number.isFinite(rate)) return UNKNOWN;
  if (rate === 0) return "0";
  return rate < 10 ? rate.toFixed(1) : countText(rate);
}

/** Two of its units at most: "340 ms", "3 s", "4 min", "2 h 5 min", "3 days". */
export function durationText(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return UNKNOWN;
  if (Math.abs(ms) < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} days`;
}

/** How long ago, in whole seconds: "now", "3 s ago". */
export function ageText(ms: number): string {
  return ms < 1_000 ? "now" : `${durationText(Math.floor(ms / 1000) * 1000)} ago`;
}

/** A clock further off than this is told: nearer ones may be the way of the message. */
export const SKEW_TOLD_MS = 2_000;

/** What to say of a machine's clock; undefined while it is as good as right. */
export function clockText(skewMs: number | undefined): string | undefined {
  if (skewMs === undefined || Math.abs(skewMs) <= SKEW_TOLD_MS) return undefined;
  return `its clock is ${durationText(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}; that does no harm`;
}

/** Local time of day; with the date when it was not today. */
export function timeText(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const time = at.toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  if (at.toDateString() === new Date(nowMs).toDateString()) return time;
  return `${at.toLocaleDateString(undefined, { month: "short", day: "numeric" })}, ${time}`;
}

function threeDigits(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  const text = value.toFixed(1);
  return text.endsWith(".0") ? text.slice(0, -2) : text;
}
