// Aligned tables of what was measured, each row with what it had to be.

/**
 * @typedef {object} Row
 * @property {string} figure
 * @property {string} measured
 * @property {string} [ratio] to the baseline of the same run
 * @property {string} [required] absent where nothing is claimed
 * @property {boolean} [ok] absent where nothing is claimed
 */

const COLUMNS = ["figure", "measured", "ratio", "required", ""];

/** @param {string} title @param {readonly Row[]} rows @param {string} [ratioTo] what the ratios compare with */
export function printTable(title, rows, ratioTo = "baseline") {
  const head = COLUMNS.map((column) => (column === "ratio" ? `ratio to ${ratioTo}` : column));
  const lines = [head, ...rows.map(cellsOf)];
  const widths = COLUMNS.map((_, at) => Math.max(...lines.map((cells) => cells[at].length)));
  console.log(`\n${title}`);
  for (const cells of lines) {
    console.log(
      `  ${cells.map((cell, at) => (at === 0 || at > 2 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join("  ")}`.trimEnd(),
    );
  }
}

const cellsOf = ({ figure, measured, ratio = "", required = "", ok }) => [
  figure,
  measured,
  ratio,
  required,
  ok === undefined ? "" : ok ? "ok" : "MISSED",
];

/** @param {number} ns */
export function duration(ns) {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(2)} µs`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(2)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

/** @param {number} ratio */
export const times = (ratio) => `${ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(2)}×`;

/** @param {number} count */
export const grouped = (count) => count.toLocaleString("en-US");
