/** Tiles of one size in as many columns as there is room for; only those in sight exist. All in CSS pixels. */
export interface GridRoom {
  readonly width: number;
  readonly count: number;
  readonly tileWidthMin: number;
  readonly tileHeight: number;
  readonly gap: number;
}

export interface GridLayout {
  readonly columns: number;
  /** Of all tiles together. */
  readonly height: number;
  /** From the start of one row to the next. */
  readonly rowStep: number;
}

/** Rows above and below the picture that exist all the same, so that a fast finger finds them drawn. */
const ROWS_BEYOND = 3;

export function gridLayout({ width, count, tileWidthMin, tileHeight, gap }: GridRoom): GridLayout {
  const columns = Math.max(1, Math.floor((width + gap) / (tileWidthMin + gap)));
  const rows = Math.ceil(count / columns);
  return { columns, height: rows === 0 ? 0 : rows * (tileHeight + gap) - gap, rowStep: tileHeight + gap };
}

/** Which tiles exist: from `first` up to, not including, `end`. `topPx`: where the picture begins, counted from the grid's start. */
export function tilesInSight(
  layout: GridLayout,
  count: number,
  sight: { readonly topPx: number; readonly heightPx: number },
): { readonly first: number; readonly end: number; readonly offsetPx: number } {
  const rows = Math.ceil(count / layout.columns);
  const above = Math.floor(sight.topPx / layout.rowStep) - ROWS_BEYOND;
  const below = Math.ceil((sight.topPx + sight.heightPx) / layout.rowStep) + ROWS_BEYOND;
  const firstRow = Math.min(Math.max(0, above), Math.max(0, rows - 1));
  const endRow = Math.min(Math.max(firstRow + 1, below), rows);
  return {
    first: firstRow * layout.columns,
    end: Math.min(count, endRow * layout.columns),
    offsetPx: firstRow * layout.rowStep,
  };
}

/** Where a key leads among `count` tiles; undefined for a key that means nothing here. Never beyond the ends. */
export function tileAfterKey(
  key: string,
  at: number,
  grid: { readonly count: number; readonly columns: number; readonly rowsOfPage: number },
): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: grid.columns,
    ArrowUp: -grid.columns,
    PageDown: grid.columns * grid.rowsOfPage,
    PageUp: -grid.columns * grid.rowsOfPage,
    Home: Number.NEGATIVE_INFINITY,
    End: Number.POSITIVE_INFINITY,
  };
  const step = Object.hasOwn(steps, key) ? steps[key] : undefined;
  if (step === undefined || grid.count === 0) return undefined;
  return Math.min(grid.count - 1, Math.max(0, at + step));
}
