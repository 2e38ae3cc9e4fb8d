import { expect, test } from "vitest";
import { gridLayout, tileAfterKey, tilesInSight } from "./grid-layout.ts";

const TILE = { tileWidthMin: 280, tileHeight: 180, gap: 12 };

test("there are as many columns as there is room for, and one on the narrowest phone", () => {
  expect(gridLayout({ ...TILE, width: 1200, count: 10 }).columns).toBe(4);
  expect(gridLayout({ ...TILE, width: 1155, count: 10 }).columns).toBe(3);
  expect(gridLayout({ ...TILE, width: 200, count: 10 }).columns).toBe(1);
  expect(gridLayout({ ...TILE, width: 1200, count: 10 }).height).toBe(3 * 180 + 2 * 12);
  expect(gridLayout({ ...TILE, width: 1200, count: 0 }).height).toBe(0);
});

test("of ten thousand tiles only those in sight and a few rows more exist, wherever one looks", () => {
  const layout = gridLayout({ ...TILE, width: 1200, count: 10_000 });
  for (let topPx = -2_000; topPx < layout.height + 2_000; topPx += 777) {
    const { first, end, offsetPx } = tilesInSight(layout, 10_000, { topPx, heightPx: 800 });
    expect(end - first).toBeLessThanOrEqual(4 * 12);
    expect(end).toBeGreaterThan(first);
    expect(offsetPx).toBe((first / 4) * layout.rowStep);
    // Whatever of the grid is in sight is among them.
    for (const y of [topPx, topPx + 400, topPx + 799]) {
      if (y < 0 || y >= layout.height) continue;
      const tile = Math.floor(y / layout.rowStep) * 4;
      expect(tile >= first && tile < end).toBe(true);
    }
  }
});

test("an empty grid has no tiles", () => {
  const layout = gridLayout({ ...TILE, width: 1200, count: 0 });
  expect(tilesInSight(layout, 0, { topPx: 0, heightPx: 800 })).toEqual({ first: 0, end: 0, offsetPx: 0 });
});

test("arrows move by one and by a row, and stop at the ends", () => {
  const grid = { count: 10, columns: 4, rowsOfPage: 2 };
  expect(tileAfterKey("ArrowRight", 0, grid)).toBe(1);
  expect(tileAfterKey("ArrowLeft", 0, grid)).toBe(0);
  expect(tileAfterKey("ArrowDown", 1, grid)).toBe(5);
  expect(tileAfterKey("ArrowDown", 8, grid)).toBe(9);
  expect(tileAfterKey("ArrowUp", 1, grid)).toBe(0);
  expect(tileAfterKey("PageDown", 0, grid)).toBe(8);
  expect(tileAfterKey("Home", 7, grid)).toBe(0);
  expect(tileAfterKey("End", 0, grid)).toBe(9);
  expect(tileAfterKey("x", 3, grid)).toBeUndefined();
  expect(tileAfterKey("toString", 3, grid)).toBeUndefined();
  expect(tileAfterKey("ArrowDown", 0, { ...grid, count: 0 })).toBeUndefined();
});
