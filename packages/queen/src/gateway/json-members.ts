/** Where a value lies in the bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Deeper than any request; a bound for what only wants to cost memory. */
const DEPTH_MAX = 1_000;

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

/**
 * Finds members of the outermost object without building anything: of a body of 32 MiB, one picture mostly, only few bytes
 * are looked at one by one. Undefined when the bytes are no JSON object.
 *
 * It checks the structure. Inside of strings it looks at no escapes and no control characters, for which the worker that
 * reads them has its own words. A name that is written with escapes is not found.
 *
 * @returns for each name that is there all places where it stands, in order: a name may stand twice, and readers differ in
 *   which one they take.
 */
export function findMembers(json: Buffer, names: readonly string[]): ReadonlyMap<string, readonly Span[]> | undefined {
  const wanted = names.map((name) => [name, Buffer.from(`"${name}"`)] as const);
  const found = new Map<string, Span[]>();
  try {
    let at = skipBlank(json, 0);
    if (json[at] !== OPEN_OBJECT) return undefined;
    at = skipBlank(json, at + 1);
    if (json[at] === CLOSE_OBJECT) return skipBlank(json, at + 1) === json.length ? found : undefined;
    for (;;) {
      const keyEnd = endOfString(json, at);
      const name = wanted.find(([, quoted]) => quoted.length === keyEnd - at && matches(json, at, quoted))?.[0];
      at = skipBlank(json, keyEnd);
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
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
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
  let here = at;
  for (;;) {
    here = json.indexOf(QUOTE, here + 1);
    if (here === -1) throw new NotJson();
    let backslashes = 0;
    while (json[here - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return here + 1;
  }
}

/** Of a number, or of true, false and null. */
function endOfPlain(json: Buffer, at: number): number {
  const word = LITERALS.find((literal) => matches(json, at, literal));
  if (word !== undefined) return at + word.length;
  let here = at;
  while (here < json.length && isOfNumber(json[here] as number)) here++;
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(json.toString("latin1", at, here))) throw new NotJson();
  return here;
}

const isOfNumber = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || [0x2b, 0x2d, 0x2e, 0x45, 0x65].includes(byte);

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
