export interface ChartLine {
  readonly name: string;
  /** One a step, null where nobody told. */
  readonly values: readonly (number | null)[];
}

/** A chart in words: of each line the newest, the least and the most. */
export function chartText(lines: readonly ChartLine[], read: (value: number) => string): string {
  return lines
    .map(({ name, values }) => {
      const told = values.filter((value) => value !== null);
      const newest = told.at(-1);
      if (newest === undefined) return `${name}: nothing known`;
      return `${name}: now ${read(newest)}, from ${read(Math.min(...told))} to ${read(Math.max(...told))}`;
    })
    .join("; ");
}

/** Whether there is anything to draw. */
export const hasValues = (lines: readonly ChartLine[]): boolean =>
  lines.some(({ values }) => values.some((value) => value !== null));
