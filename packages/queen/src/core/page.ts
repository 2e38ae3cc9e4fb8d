import { HiveError, PAGE_DEFAULT } from "@hive-registry/contract";

export interface PageRequest {
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Page<T> {
  readonly items: T[];
  readonly next_cursor?: string;
}

/**
 * One page of a listing: at most `limit` entries that pass, beginning where the cursor says. A cursor is a place in the
 * listing: when the fleet changes in between, an entry may be missed or come twice.
 *
 * @throws {HiveError} `INVALID_REQUEST` for a cursor that this queen never gave out.
 */
export function pageOf<T>(all: Iterable<T>, passes: (entry: T) => boolean, request: PageRequest): Page<T> {
  const start = placeOf(request.cursor);
  const limit = request.limit ?? PAGE_DEFAULT;
  const items: T[] = [];
  let place = -1;
  for (const entry of all) {
    place++;
    if (place < start || !passes(entry)) continue;
    if (items.length === limit) return { items, next_cursor: String(place) };
    items.push(entry);
  }
  return { items };
}

function placeOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,10}$/.test(cursor)) return Number(cursor);
  throw new HiveError("INVALID_REQUEST", "The cursor is not one that an earlier page gave", {
    details: [{ path: "/cursor", message: "must be the next_cursor of an earlier page" }],
  });
}
