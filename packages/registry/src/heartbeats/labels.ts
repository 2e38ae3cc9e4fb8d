import type { Labels } from "../types.ts";

/** A frozen copy of what is a table of texts. The same object as before where nothing changed, as mostly nothing does. */
export function copyLabels(from: Labels, known: Labels | undefined, path: string): Labels {
  if (typeof from !== "object" || from === null) throw new TypeError(`${path} must be an object of strings`);
  const entries = Object.entries(from);
  for (const [key, value] of entries) {
    if (typeof value !== "string") throw new TypeError(`${path}.${key} must be a string`);
  }
  if (known !== undefined && entries.length === Object.keys(known).length) {
    if (entries.every(([key, value]) => known[key] === value)) return known;
  }
  return Object.freeze(Object.fromEntries(entries));
}

/** The hive's own labels, and over them the operator's, key by key. */
export function mergedLabels(own: Labels | undefined, operators: Labels | undefined): Labels | undefined {
  if (operators === undefined) return own;
  return own === undefined ? operators : Object.freeze({ ...own, ...operators });
}

export const hasNone = (labels: Labels): boolean => Object.keys(labels).length === 0;
