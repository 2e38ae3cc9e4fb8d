/** Puts colour around text, or leaves it as it is. */
export type Paint = Readonly<Record<"bold" | "dim" | "red" | "green" | "yellow", (text: string) => string>>;

const same = (text: string): string => text;
const wrap =
  (on: number, off: number) =>
  (text: string): string =>
    text === "" ? text : `\u001B[${on}m${text}\u001B[${off}m`;

export const PLAIN: Paint = { bold: same, dim: same, red: same, green: same, yellow: same };

export const COLOURED: Paint = {
  bold: wrap(1, 22),
  dim: wrap(2, 22),
  red: wrap(31, 39),
  green: wrap(32, 39),
  yellow: wrap(33, 39),
};

/** Colour only on a terminal, and never where NO_COLOR is set (no-color.org) or the terminal is dumb. */
export function choosePaint(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  return isTerminal && !env.NO_COLOR && env.TERM !== "dumb" ? COLOURED : PLAIN;
}
