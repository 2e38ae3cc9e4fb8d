// The picture of docs/simulation.md, from what `hive simulate compare --json` printed:
//   hive simulate compare --requests 30000 --json | node bench/simulation/picture.mjs > docs/simulation.svg
import { readFileSync } from "node:fs";

const LEFT = 150;
const WIDTH = 960;
const RIGHT = 90;
const ROW = 26;
const BAR = 15;
const TOP = 92;
/** Of the axis, ms: a network's delay to some minutes. */
const [SHORTEST, LONGEST] = [0.1, 1_000_000];
const MARKS = [
  [1, "1 ms"],
  [10, "10 ms"],
  [100, "0.1 s"],
  [1_000, "1 s"],
  [10_000, "10 s"],
  [100_000, "100 s"],
];

const tables = JSON.parse(readFileSync(0, "utf8"));
const perTable = Math.max(...tables.map(({ outcomes }) => outcomes.length));
const tableHeight = ROW * perTable + 56;
const height = TOP + tableHeight * tables.length + 10;

/** Where a wait lies, on a logarithmic axis. */
const x = (ms) => {
  const share = Math.log10(Math.max(ms, SHORTEST) / SHORTEST) / Math.log10(LONGEST / SHORTEST);
  return Math.round(LEFT + share * (WIDTH - LEFT - RIGHT));
};

const lines = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">`,
  '  <title id="title">How long requests wait, by the way their worker is chosen</title>',
  `  <desc id="desc">${tables.map(describe).join(" ")}</desc>`,
  "  <style>",
  '    text { font-family: "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 14px; fill: #1f2430; }',
  "    .name { font-size: 18px; font-weight: bold; } .small { font-size: 12px; fill: #5a6274; } .end { text-anchor: end; }",
  "    .middle { text-anchor: middle; } .page { fill: #ffffff; stroke: #d5dae3; } .mark { stroke: #d5dae3; }",
  "    .without { fill: #d98880; } .policy { fill: #3b8a55; } .central { fill: #b8860b; } .p99 { stroke: #1f2430; stroke-width: 2; }",
  "    @media (prefers-color-scheme: dark) {",
  "      text { fill: #e8ebf2; } .small { fill: #a9b2c3; } .page { fill: #14171e; stroke: #343b4a; } .mark { stroke: #343b4a; }",
  "      .without { fill: #a9574e; } .policy { fill: #5fbf80; } .central { fill: #e0b23c; } .p99 { stroke: #e8ebf2; }",
  "    }",
  "  </style>",
  `  <rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
  '  <text class="name" x="24" y="36">How long requests wait, by the way their worker is chosen</text>',
  '  <text class="small" x="24" y="58">Bars: the mean. Strokes: the 99th percentile. Each mark on the axis is ten times the one before.</text>',
  ...tables.flatMap(drawTable),
  "</svg>",
];
process.stdout.write(`${lines.join("\n")}\n`);

function drawTable({ load, outcomes }, index) {
  const top = TOP + index * tableHeight;
  const bottom = top + 14 + ROW * outcomes.length;
  const marks = MARKS.flatMap(([ms, text]) => [
    `  <line class="mark" x1="${x(ms)}" y1="${top + 8}" x2="${x(ms)}" y2="${bottom}"/>`,
    `  <text class="small middle" x="${x(ms)}" y="${bottom + 16}">${text}</text>`,
  ]);
  const bars = outcomes.flatMap(({ way, wait_mean_ms, wait_p99_ms }, at) => {
    const y = top + 14 + at * ROW;
    const kind = way === "central" ? "central" : ["random", "seed-rule", "route"].includes(way) ? "without" : "policy";
    const end = x(wait_mean_ms);
    const p99 = x(wait_p99_ms);
    return [
      `  <text class="end" x="${LEFT - 10}" y="${y + 12}">${way}</text>`,
      `  <rect class="${kind}" x="${LEFT}" y="${y}" width="${Math.max(2, end - LEFT)}" height="${BAR}"/>`,
      `  <line class="p99" x1="${p99}" y1="${y - 1}" x2="${p99}" y2="${y + BAR + 1}"/>`,
      `  <text class="small" x="${Math.max(end, p99) + 8}" y="${y + 12}">${waitText(wait_mean_ms)}</text>`,
    ];
  });
  return [`  <text x="24" y="${top}">Load ${load}</text>`, ...marks, ...bars];
}

function describe({ load, outcomes }) {
  const parts = outcomes.map(({ way, wait_mean_ms }) => `${way} ${waitText(wait_mean_ms)}`);
  return `At load ${load} the mean waits are: ${parts.join(", ")}.`;
}

function waitText(ms) {
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(0)} s`;
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms.toFixed(1)} ms`;
}
