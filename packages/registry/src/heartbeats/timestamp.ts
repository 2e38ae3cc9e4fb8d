const DAY_MS = 86_400_000;
/** `2026-01-01T`, the part of a timestamp that is the same all day. */
const DAY_LENGTH = 11;
const LENGTH = "2026-01-01T00:00:00.000Z".length;
const ZERO = 48;

const twoDigits: readonly string[] = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, "0"));
const threeDigits: readonly string[] = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(3, "0"));

/** A day as timestamps of it begin. */
interface Day {
  readonly text: string;
  readonly startMs: number;
}

// Nearly all timestamps that meet are of one day, and around midnight of two.
let today: Day = { text: "1970-01-01T", startMs: 0 };
let other: Day = today;

/**
 * The time, ms since epoch, of a timestamp in the form that `Date.prototype.toISOString` writes, which nearly all have; NaN for
 * any other. {@link timestampText} gives the same text back, letter by letter.
 */
export function timestampMs(text: string): number {
  if (text.length !== LENGTH || text.charCodeAt(23) !== 90) return Number.NaN;
  const day = dayOf(text);
  if (day === undefined) return Number.NaN;
  const hours = digits(text, 11, 2);
  const minutes = digits(text, 14, 2);
  const seconds = digits(text, 17, 2);
  const ms = digits(text, 20, 3);
  if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58 || text.charCodeAt(19) !== 46) return Number.NaN;
  if (!(hours < 24 && minutes < 60 && seconds < 60)) return Number.NaN;
  return day.startMs + ((hours * 60 + minutes) * 60 + seconds) * 1_000 + ms;
}

/** RFC 3339, as `new Date(ms).toISOString()`. */
export function timestampText(ms: number): string {
  let day = today;
  let inDay = ms - day.startMs;
  if (inDay < 0 || inDay >= DAY_MS) {
    day = other;
    inDay = ms - day.startMs;
    if (inDay < 0 || inDay >= DAY_MS) return new Date(ms).toISOString();
  }
  const seconds = Math.floor(inDay / 1_000);
  const minutes = Math.floor(seconds / 60);
  return `${day.text}${twoDigits[Math.floor(minutes / 60)]}:${twoDigits[minutes % 60]}:${twoDigits[seconds % 60]}.${threeDigits[inDay % 1_000]}Z`;
}

/** The day that the text begins with; undefined when that is none. */
function dayOf(text: string): Day | undefined {
  if (text.startsWith(today.text)) return today;
  if (text.startsWith(other.text)) {
    [today, other] = [other, today];
    return today;
  }
  const start = text.slice(0, DAY_LENGTH);
  const startMs = Date.parse(`${start}00:00:00.000Z`);
  if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, DAY_LENGTH) !== start) return undefined;
  other = today;
  today = { text: start, startMs };
  return today;
}

/** NaN when one is no digit. */
function digits(text: string, from: number, count: number): number {
  let number = 0;
  for (let at = from; at < from + count; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}
