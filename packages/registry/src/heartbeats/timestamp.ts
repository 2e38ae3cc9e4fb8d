const DAY_MS = 86_400_000;
/** `2026-01-01T`, the part of a timestamp that is the same all day. */
const DAY_LENGTH = 11;
const LENGTH = "2026-01-01T00:00:00.000Z".length;
const ZERO = 48;
const COLON = 58;
const DOT = 46;
const ZULU = 90;

const padded = (number: number, digits: number): string => String(number).padStart(digits, "0");
const SECONDS: readonly string[] = Array.from({ length: 60 }, (_, second) => `${padded(second, 2)}.`);
const MILLISECONDS: readonly string[] = Array.from({ length: 1_000 }, (_, ms) => `${padded(ms, 3)}Z`);
const MINUTES_A_DAY = 1_440;

/** A day as timestamps of it begin. */
interface Day {
  readonly text: string;
  readonly startMs: number;
  /** How timestamps of each minute of it begin, as far as one was asked for. */
  readonly minutes: (string | undefined)[];
}

const aDay = (text: string, startMs: number): Day => ({
  text,
  startMs,
  minutes: new Array(MINUTES_A_DAY).fill(undefined),
});

// Nearly all timestamps that meet are of one day, and around midnight of two.
let today: Day = aDay("1970-01-01T", 0);
let other: Day = today;

/**
 * The time, ms since epoch, of a timestamp in the form that `Date.prototype.toISOString` writes, which nearly all have; NaN for
 * any other. {@link timestampText} gives the same text back, letter by letter.
 */
export function timestampMs(text: string): number {
  if (text.length !== LENGTH || text.charCodeAt(23) !== ZULU) return Number.NaN;
  const day = dayOf(text);
  if (day === undefined) return Number.NaN;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON || text.charCodeAt(19) !== DOT) return Number.NaN;
  const hours = twoDigits(text, 11);
  const minutes = twoDigits(text, 14);
  const seconds = twoDigits(text, 17);
  const tenMs = twoDigits(text, 20);
  const lastMs = text.charCodeAt(22) - ZERO;
  if (hours > 23 || minutes > 59 || seconds > 59 || tenMs > 99 || lastMs < 0 || lastMs > 9) return Number.NaN;
  return day.startMs + ((hours * 60 + minutes) * 60 + seconds) * 1_000 + tenMs * 10 + lastMs;
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
  const minute = Math.trunc(inDay / 60_000);
  const second = Math.trunc((inDay - minute * 60_000) / 1_000);
  const time = `${SECONDS[second]}${MILLISECONDS[inDay - minute * 60_000 - second * 1_000]}`;
  return `${day.minutes[minute] ?? minuteOf(day, minute)}${time}`;
}

function minuteOf(day: Day, minute: number): string {
  const text = `${day.text}${padded(Math.trunc(minute / 60), 2)}:${padded(minute % 60, 2)}:`;
  day.minutes[minute] = text;
  return text;
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
  today = aDay(start, startMs);
  return today;
}

/** More than any two digits say when one is none. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 100;
}
