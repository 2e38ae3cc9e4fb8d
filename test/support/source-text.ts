/** A source without its comments; with `strings: "blank"` also without what stands between quotes. Lines stay where they are. */
export function codeOf(source: string, { strings }: { readonly strings: "keep" | "blank" }): string {
  let code = "";
  let at = 0;
  const take = (end: number, keep: boolean) => {
    const piece = source.slice(at, end);
    code += keep ? piece : piece.replaceAll(/[^\n]/g, " ");
    at = end;
  };
  const keepStrings = strings === "keep";
  /** Depths of braces at which a `${` of a template began. */
  const templates: number[] = [];
  let depth = 0;
  while (at < source.length) {
    const char = source[at] as string;
    const pair = source.slice(at, at + 2);
    if (pair === "//") take(endOfLine(source, at), false);
    else if (pair === "/*") take(after(source, "*/", at + 2), false);
    else if (char === '"' || char === "'") take(endOfQuoted(source, at, char), keepStrings);
    else if (char === "`" || (char === "}" && templates.at(-1) === depth)) {
      if (char === "}") templates.pop();
      const { end, opens } = endOfTemplatePart(source, at + 1);
      take(end, keepStrings);
      if (opens) templates.push(depth);
    } else if (char === "/" && beginsRegExp(code)) take(endOfRegExp(source, at), keepStrings);
    else {
      if (char === "{") depth++;
      if (char === "}") depth--;
      take(at + 1, true);
    }
  }
  return code;
}

function endOfLine(source: string, from: number): number {
  const end = source.indexOf("\n", from);
  return end === -1 ? source.length : end;
}

function after(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from);
  return found === -1 ? source.length : found + mark.length;
}

function endOfQuoted(source: string, from: number, quote: string): number {
  let at = from + 1;
  while (at < source.length && source[at] !== quote && source[at] !== "\n") at += source[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** To the closing backtick, or to the `${` that goes back to code. */
function endOfTemplatePart(source: string, from: number): { readonly end: number; readonly opens: boolean } {
  let at = from;
  while (at < source.length) {
    if (source[at] === "`") return { end: at + 1, opens: false };
    if (source.startsWith("${", at)) return { end: at + 2, opens: true };
    at += source[at] === "\\" ? 2 : 1;
  }
  return { end: at, opens: false };
}

/** A slash behind a value divides; behind anything else it begins a regular expression. */
function beginsRegExp(before: string): boolean {
  const last = before.trimEnd();
  return last === "" || /(?:[(,=:[!&|?{};>~^%*+-]|\b(?:return|typeof|case|in|of|await|yield|void))$/.test(last);
}

function endOfRegExp(source: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < source.length && source[at] !== "\n"; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === "[") inClass = true;
    else if (source[at] === "]") inClass = false;
    else if (source[at] === "/" && !inClass) return at + 1;
  }
  return from + 1;
}
