import { type Paint, PLAIN } from "./paint.ts";
import { displayWidth, oneLine, truncate } from "./text.ts";

export interface Column<Row> {
  readonly title: string;
  /** undefined is shown as a dash: unknown is not 0. */
  value(row: Row): string | number | undefined;
  readonly align?: "left" | "right";
  /** May be cut where the terminal is too narrow; the rightmost gives way first. */
  readonly shrinks?: boolean;
  readonly paint?: (text: string, row: Row, paint: Paint) => string;
}

export interface Look {
  readonly paint: Paint;
  /** Cells of the terminal; undefined (a file, a pipe) cuts nothing. */
  readonly width: number | undefined;
}

const GAP = "  ";
/** A column that gives way keeps at least so many cells. */
const SHRUNK_MIN = 8;

/** Aligned columns under a line of titles. Ends without a line break. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], look: Look = PLAIN_LOOK): string {
  const cells = rows.map((row) => columns.map((column) => oneLine(String(column.value(row) ?? "-"))));
  const widths = columns.map((column, at) => {
    let widest = column.title.length;
    for (const line of cells) widest = Math.max(widest, displayWidth(line[at] as string));
    return widest;
  });
  if (look.width !== undefined) shrink(widths, columns, look.width);

  const aligned = (text: string, at: number, paint: (text: string) => string): string => {
    const shown = truncate(text, widths[at] as number);
    const space = " ".repeat(Math.max(0, (widths[at] as number) - displayWidth(shown)));
    if (columns[at]?.align === "right") return space + paint(shown);
    return paint(shown) + (at === columns.length - 1 ? "" : space);
  };
  const title = columns
    .map((column, at) => aligned(column.title, at, look.paint.dim))
    .join(GAP)
    .trimEnd();
  const lines = cells.map((line, rowAt) =>
    line
      .map((text, at) => {
        const { paint } = columns[at] as Column<Row>;
        return aligned(text, at, (shown) => (paint ? paint(shown, rows[rowAt] as Row, look.paint) : shown));
      })
      .join(GAP)
      .trimEnd(),
  );
  return [title, ...lines].join("\n");
}

export const PLAIN_LOOK: Look = { paint: PLAIN, width: undefined };

function shrink(widths: number[], columns: readonly { readonly shrinks?: boolean }[], available: number): void {
  let over = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - available;
  for (let at = widths.length - 1; at >= 0 && over > 0; at--) {
    if (columns[at]?.shrinks !== true) continue;
    const give = Math.max(0, Math.min(over, (widths[at] as number) - SHRUNK_MIN));
    widths[at] = (widths[at] as number) - give;
    over -= give;
  }
}
