/** Ids, URLs and answers come from other machines: nothing of them may steer the terminal. Line breaks and tabs become spaces. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\n\r\t]+/g, " ").replaceAll(/\p{C}/gu, "\uFFFD");
}

/** For text of many lines, an answer or a log: its lines, tabs and all that belongs to writing stay; what steers a terminal does not. */
export function harmless(text: string): string {
  return text.replaceAll("\r", "").replaceAll(/[^\P{Cc}\n\t]/gu, "\uFFFD");
}

const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
const MARK = /\p{M}/u;

/** Terminal cells that `text` takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** `text` within `width` cells, with … where something was left out. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const character of text) {
    const next = used + displayWidth(character);
    if (next > width - 1) break;
    kept += character;
    used = next;
  }
  return `${kept}…`;
}
