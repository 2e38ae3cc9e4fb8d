/** Where the value of a body's `model` stands in its text, quotes included, and what it says. */
export interface ModelSpot {
  readonly model: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Finds the `model` of a JSON object without reading more of it than is needed: a body may carry megabytes of pictures. The
 * rest of the text stays as it is when the name is replaced, to the last digit of every number.
 *
 * @returns undefined when the text is no object, or has no `model` that is a string. What is no JSON need not be found out.
 */
export function findModel(text: string): ModelSpot | undefined {
  let at = skipSpace(text, 0);
  if (text[at] !== "{") return undefined;
  let depth = 0;
  /** The string just passed could be a key of the outermost object. */
  let expectsKey = false;
  while (at < text.length) {
    const sign = text[at];
    if (sign === '"') {
      const end = endOfString(text, at);
      if (end === -1) return undefined;
      if (depth === 1 && expectsKey && text.slice(at, end) === '"model"') return valueAfter(text, end);
      expectsKey = false;
      at = end;
      continue;
    }
    if (sign === "{" || sign === "[") {
      depth++;
      expectsKey = depth === 1;
    } else if (sign === "}" || sign === "]") depth--;
    else if (sign === "," && depth === 1) expectsKey = true;
    if (depth === 0) return undefined;
    at++;
  }
  return undefined;
}

/** The text with another model's name. */
export const withModel = (text: string, { from, to }: ModelSpot, model: string): string =>
  text.slice(0, from) + JSON.stringify(model) + text.slice(to);

function valueAfter(text: string, endOfKey: number): ModelSpot | undefined {
  const colon = skipSpace(text, endOfKey);
  if (text[colon] !== ":") return undefined;
  const from = skipSpace(text, colon + 1);
  if (text[from] !== '"') return undefined;
  const to = endOfString(text, from);
  if (to === -1) return undefined;
  try {
    return { model: JSON.parse(text.slice(from, to)) as string, from, to };
  } catch {
    return undefined;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \n\r\t".includes(text[at] as string)) at++;
  return at;
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
