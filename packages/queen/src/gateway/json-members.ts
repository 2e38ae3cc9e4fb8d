/** Where a value lies in the bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Deeper than any request; a bound for what only wants to cost memory. */
const DEPTH_MAX = 1_000;
const SHORT_BYTES = 32;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LITERALS: readonly Buffer[] = ["true", "false", "null"].map((word) => Buffer.from(word));

/** Thrown inside of this file only. */
class NotJson extends Error {}

/** All places where each of some names stands, in order; names that stand nowhere are left out. */
export type Members = ReadonlyMap<string, readonly Span[]>;

/**
 * Makes what finds these members of the outermost object without building anything: of a body of 32 MiB, one picture mostly,
 * only few bytes are looked at one by one. It gives undefined when the bytes are no JSON object.
 *
 * It checks the structure. Inside of strings it looks at no escapes and no control characters, for which the worker that
 * reads them has its own words. A name that is written with escapes is not found. A name may stand twice, and readers differ
 * in which one they take: so all places are told.
 */
export function memberFinder(names: readonly string[]): (json: Buffer) => Members | undefined {
  const wanted = names.map((name) => ({ name, quoted: Buffer.from(`"${name}"`) }));
  const nameAt = (json: Buffer, start: number, end: number): string | undefined => {
    for (const { name, quoted } of wanted) {
      if (quoted.length === end - start && matches(json, start, quoted)) return name;
    }
    return undefined;
  };
  return (json) => {
    try {
      return findMembers(json, nameAt);
    } catch (error) {
      if (error instanceof NotJson) return undefined;
      throw error;
    }
  };
}

function findMembers(
  json: Buffer,
  nameAt: (json: Buffer, start: number, end: number) => string | undefined,
): Members | undefined {
  const found = new Map<string, Span[]>();
  let at = skipBlank(json, 0);
  if (json[at] !== OPEN_OBJECT) return undefined;
  at = skipBlank(json, at + 1);
  if (json[at] === CLOSE_OBJECT) return skipBlank(json, at + 1) === json.length ? found : undefined;
  for (;;) {
    const nameEnd = endOfString(json, at);
    const name = nameAt(json, at, nameEnd);
    at = skipBlank(json, nameEnd);
    if (json[at] !== COLON) return undefined;
    const start = skipBlank(json, at + 1);
    const end = endOfValue(json, start);
    if (name !== undefined) {
      const spans = found.get(name);
      if (spans === undefined) found.set(name, [{ start, end }]);
      else spans.push({ start, end });
    }
    at = skipBlank(json, end);
    if (json[at] === CLOSE_OBJECT) return skipBlank(json, at + 1) === json.length ? found : undefined;
    if (json[at] !== COMMA) return undefined;
    at = skipBlank(json, at + 1);
  }
}

/** Just behind the value that begins at `at`. */
function endOfValue(json: Buffer, at: number): number {
  const closers: number[] = [];
  let here = at;
  for (;;) {
    const first = json[here];
    if (first === OPEN_OBJECT || first === OPEN_LIST) {
      // In ASCII each closing bracket stands two after its opening one.
      const closer = first + 2;
      here = skipBlank(json, here + 1);
      if (json[here] !== closer) {
        if (closers.length >= DEPTH_MAX) throw new NotJson();
        closers.push(closer);
        if (closer === CLOSE_OBJECT) here = endOfName(json, here);
        continue;
      }
      here++;
    } else if (first === QUOTE) here = endOfString(json, here);
    else here = endOfPlain(json, here);
    // A value ends here, and with it perhaps what it stands in.
    for (;;) {
      const closer = closers.at(-1);
      if (closer === undefined) return here;
      here = skipBlank(json, here);
      const next = json[here];
      if (next === closer) {
        closers.pop();
        here++;
        continue;
      }
      if (next !== COMMA) throw new NotJson();
      here = skipBlank(json, here + 1);
      if (closer === CLOSE_OBJECT) here = endOfName(json, here);
      break;
    }
  }
}

/** Just before the value of the member whose name begins at `at`. */
function endOfName(json: Buffer, at: number): number {
  const colon = skipBlank(json, endOfString(json, at));
  if (json[colon] !== COLON) throw new NotJson();
  return skipBlank(json, colon + 1);
}

function endOfString(json: Buffer, at: number): number {
  if (json[at] !== QUOTE) throw new NotJson();
  let here = at + 1;
  // Names and most values are short: there a look at each byte is quicker than asking for the next quote.
  for (const near = here + SHORT_BYTES; here < near; here++) {
    const byte = json[here];
    if (byte === QUOTE) return here + 1;
    if (byte === BACKSLASH) here++;
    else if (byte === undefined) throw new NotJson();
  }
  for (let from = here; ; here++) {
    here = json.indexOf(QUOTE, here);
    if (here === -1) throw new NotJson();
    let backslashes = 0;
    while (here - backslashes > from && json[here - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return here + 1;
    from = here + 1;
  }
}

/** Of a number, or of true, false and null. */
function endOfPlain(json: Buffer, at: number): number {
  for (const word of LITERALS) if (matches(json, at, word)) return at + word.length;
  let here = at;
  while (here < json.length && isOfNumber(json[here] as number)) here++;
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(json.toString("latin1", at, here))) throw new NotJson();
  return here;
}

/** A digit, or one of `+ - . E e`. */
const isOfNumber = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65;

function skipBlank(json: Buffer, at: number): number {
  let here = at;
  for (;;) {
    const byte = json[here];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return here;
    here++;
  }
}

function matches(json: Buffer, at: number, text: Buffer): boolean {
  for (let offset = 0; offset < text.length; offset++) if (json[at + offset] !== text[offset]) return false;
  return true;
}
