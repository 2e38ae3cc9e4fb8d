import { normalModelName } from "./normal-name.ts";

/** Of a fleet with more models only so many are compared: a mistake in a name must not cost more than a right one. */
export const COMPARED_MAX = 2_000;
/** Of a longer name only its beginning is compared. */
const LETTERS_MAX = 64;

/** Those of `known` that somebody may have meant by `name`, nearest first: one contains the other, or few letters differ. */
export function nearNames(name: string, known: Iterable<string>, max: number): string[] {
  const wanted = normalModelName(name).slice(0, LETTERS_MAX);
  const near: { readonly known: string; readonly distance: number }[] = [];
  let compared = 0;
  for (const one of known) {
    if (++compared > COMPARED_MAX) break;
    const distance = distanceOf(wanted, normalModelName(one).slice(0, LETTERS_MAX));
    if (distance !== undefined) near.push({ known: one, distance });
  }
  near.sort((a, b) => a.distance - b.distance || (a.known < b.known ? -1 : 1));
  return near.slice(0, max).map(({ known: one }) => one);
}

/** Lower is nearer; undefined for names that nobody would confuse. */
function distanceOf(wanted: string, known: string): number | undefined {
  const shorter = Math.min(wanted.length, known.length);
  const edits = editDistance(wanted, known);
  if (shorter >= 3 && (known.includes(wanted) || wanted.includes(known))) return Math.min(edits, 1);
  return edits <= Math.max(1, Math.floor(Math.max(wanted.length, known.length) / 3)) ? edits : undefined;
}

/** Letters to put in, leave out or replace until one is the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let at = 1; at <= a.length; at++) {
    const next = [at];
    for (let other = 1; other <= b.length; other++) {
      const replaced = (row[other - 1] as number) + (a[at - 1] === b[other - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[other] as number) + 1, (next[other - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
