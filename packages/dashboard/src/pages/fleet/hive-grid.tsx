import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { navigate } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import type { HiveRow } from "../../fleet-data/hive-row.ts";
import { gridLayout, tileAfterKey, tilesInSight } from "./grid-layout.ts";
import { HiveTile } from "./hive-tile.tsx";

const TILE = { tileWidthMin: 272, tileHeight: 186, gap: 12 };

/** Header and stale banner cover so much of the window's top. */
const COVERED_PX = 72;

/** Where the grid lies in the window. */
interface Sight {
  readonly width: number;
  readonly topPx: number;
  readonly heightPx: number;
}

/** All hives as tiles; of ten thousand only those in sight exist. Arrow keys move among them, Enter opens one. */
export function HiveGrid({ rows }: { readonly rows: readonly HiveRow[] }): JSX.Element {
  const grid = useRef<HTMLUListElement>(null);
  const sight = useSight(grid);
  const [reached, setReached] = useState(0);
  /** A tile that is to get the focus once it exists. */
  const wanted = useRef<number>(undefined);

  const count = rows.length;
  const layout = gridLayout({ ...TILE, width: sight.width, count });
  const inSight = tilesInSight(layout, count, sight);
  const reachedNow = Math.min(reached, count - 1);
  // The Tab key must lead to a tile that exists.
  const tabStop =
    reachedNow >= inSight.first && reachedNow < inSight.end
      ? reachedNow
      : Math.min(inSight.end - 1, inSight.first + 3 * layout.columns);

  useLayoutEffect(() => {
    if (wanted.current === undefined) return;
    const tile = grid.current?.querySelector<HTMLElement>(`[data-at="${wanted.current}"] a`);
    if (tile == null) return;
    wanted.current = undefined;
    tile.focus({ preventScroll: true });
  });

  const move = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = rows[reachedNow];
    if (event.key === "Enter" && row !== undefined) {
      event.preventDefault();
      navigate(href.hive(row.hive_id));
      return;
    }
    const rowsOfPage = Math.max(1, Math.floor(innerHeight / layout.rowStep) - 1);
    const to = tileAfterKey(event.key, reachedNow, { count, columns: layout.columns, rowsOfPage });
    if (to === undefined) return;
    event.preventDefault();
    wanted.current = to;
    setReached(to);
    const tilePx = Math.floor(to / layout.columns) * layout.rowStep;
    const by = scrollNeeded(tilePx, sight.topPx);
    if (by !== 0) scrollBy(0, by);
  };

  return (
    <ul class="grid" ref={grid} aria-label="Hives" style={{ height: `${layout.height}px` }} onKeyDown={move}>
      {rows.slice(inSight.first, inSight.end).map((row, offset) => {
        const at = inSight.first + offset;
        return (
          <li
            key={row.hive_id}
            data-at={at}
            aria-setsize={count}
            aria-posinset={at + 1}
            style={placeOf(at, layout.columns, layout.rowStep)}
          >
            <HiveTile row={row} isReached={at === tabStop} onFocus={() => setReached(at)} />
          </li>
        );
      })}
    </ul>
  );
}

function placeOf(at: number, columns: number, rowStep: number): Readonly<Record<string, string>> {
  const column = at % columns;
  const share = `(100% - ${(columns - 1) * TILE.gap}px) / ${columns}`;
  return {
    width: `calc(${share})`,
    height: `${TILE.tileHeight}px`,
    top: `${Math.floor(at / columns) * rowStep}px`,
    insetInlineStart: `calc((${share} + ${TILE.gap}px) * ${column})`,
  };
}

/** How far the window must move so that a tile is wholly in sight. */
function scrollNeeded(tilePx: number, topPx: number): number {
  const above = tilePx - (topPx + COVERED_PX);
  if (above < 0) return above;
  const below = tilePx + TILE.tileHeight - (topPx + innerHeight - COVERED_PX);
  return Math.max(0, below);
}

/** Follows the window: which part of the grid it shows. Looks at most once a frame. */
function useSight(grid: { readonly current: HTMLElement | null }): Sight {
  const [sight, setSight] = useState<Sight>({ width: 0, topPx: 0, heightPx: 0 });
  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const element = grid.current;
      if (element === null) return;
      const box = element.getBoundingClientRect();
      const next = { width: element.clientWidth, topPx: -box.top, heightPx: innerHeight };
      setSight((last) => (isSame(last, next) ? last : next));
    };
    const lookSoon = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    const sizes = new ResizeObserver(lookSoon);
    if (grid.current !== null) sizes.observe(grid.current);
    // What stands above may grow and push the grid down.
    sizes.observe(document.body);
    addEventListener("scroll", lookSoon, { passive: true });
    addEventListener("resize", lookSoon);
    return () => {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      removeEventListener("scroll", lookSoon);
      removeEventListener("resize", lookSoon);
    };
  }, []);
  return sight;
}

const isSame = (a: Sight, b: Sight): boolean => a.width === b.width && a.topPx === b.topPx && a.heightPx === b.heightPx;
