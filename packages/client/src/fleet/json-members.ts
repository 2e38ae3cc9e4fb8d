/** Where a value stands in a text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Finds members of the outermost JSON object without reading more than is needed: a body may carry megabytes of pictures.
 * What is replaced in the text leaves the rest as it is, to the last digit of every number.
 *
 * @returns the first of each name. What is no object has none; that it is no JSON need not be found out.
 */
export function findMembers(text: string, names: readonly string[]): Map<string, Span> {
  const found = new Map<string, Span>();
  let at = skipSpace(text, 0);
  if (text[at] !== "{") return found;
  do {
    const key = skipSpace(text, at + 1);
    const colon = text[key] === '"' ? skipSpace(text, endOfString(text, key)) : -1;
    if (text[colon] !== ":") return found;
    const from = skipSpace(text, colon + 1);
    const to = endOfValue(text, from);
    if (to === -1) return found;
    const name = names.find((one) => text.startsWith(`"${one}"`, key));
    if (name !== undefined && !found.has(name)) {
      found.set(name, { from, to });
      if (found.size === names.length) return found;
    }
    at = skipSpace(text, to);
  } while (text[at] === ",");
  return found;
}

/** Undefined where the value is no string. */
export function stringAt(text: string, span: Span | undefined): string | undefined {
  if (span === undefined || text[span.from] !== '"') return undefined;
  try {
    return JSON.parse(text.slice(span.from, span.to)) as string;
  } catch {
    return undefined;
  }
}

/** The text with a string in the value's place. */
export const withString = (text: string, { from, to }: Span, value: string): string =>
  text.slice(0, from) + JSON.stringify(value) + text.slice(to);

const SPACE = " \n\r\t";

function skipSpace(text: string, from: number): number {
  if (from === -1) return -1;
  let at = from;
  while (at < text.length && SPACE.includes(text[at] as string)) at++;
  return at;
}

/** The place after the value that begins at `from`; -1 when it has no end. */
function endOfValue(text: string, from: number): number {
  if (text[from] === '"') return endOfString(text, from);
  if (text[from] !== "{" && text[from] !== "[") return endOfWord(text, from);
  let depth = 0;
  for (let at = from; at !== -1 && at < text.length; ) {
    const sign = text[at];
    if (sign === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (sign === "{" || sign === "[") depth++;
    else if ((sign === "}" || sign === "]") && --depth === 0) return at + 1;
    at++;
  }
  return -1;
}

/** A number, `true`, `false` or `null`. */
function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !`,}]${SPACE}`.includes(text[at] as string)) at++;
  return at === from || at === text.length ? -1 : at;
}

/** The place after the closing quote of the string that begins at `from`; -1 when there is none. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return -1;
}
