const BLOCKS = [..."▁▂▃▄▅▆▇█"];
/** Where a terminal has no such letters. */
const ASCII = [..."_.-:=+*#"];

/** Values from 0 to `max`, a letter each; a blank where nobody knows. */
export function sparkline(
  values: readonly (number | null)[],
  max: number,
  options: { readonly isUtf8: boolean },
): string {
  const letters = options.isUtf8 ? BLOCKS : ASCII;
  return values
    .map((value) => {
      if (value === null) return " ";
      const share = max <= 0 ? 0 : Math.min(1, Math.max(0, value / max));
      return letters[Math.min(letters.length - 1, Math.floor(share * letters.length))];
    })
    .join("");
}

/** Whether the terminal's locale can write more than ASCII; the first variable that is set decides (locale(7)). */
export function isUtf8(env: Readonly<Record<string, string | undefined>>): boolean {
  return /utf-?8/i.test([env.LC_ALL, env.LC_CTYPE, env.LANG].find((one) => one !== undefined && one !== "") ?? "");
}
