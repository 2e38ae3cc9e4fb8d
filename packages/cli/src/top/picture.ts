import type { DeviceInfo, HiveRuntimeState } from "@hive-registry/client";
import { displayWidth, oneLine, truncate } from "../output/text.ts";
import { bytes, duration, gigabytes, percent } from "../output/units.ts";
import {
  eventRows,
  type FleetView,
  type HiveRow,
  hiveRows,
  modelRows,
  type WorkerRow,
  workerRows,
} from "./fleet-view.ts";
import { TABS, type TopState } from "./keys.ts";
import { bar, sparkline } from "./marks.ts";

export type Tone = "good" | "warning" | "bad" | "dim" | "strong" | "cursor";

/** A piece of a line that looks the same all over. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone;
}
export type Line = readonly Span[];

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Picture {
  /** As many as the screen has rows, and none wider than it. */
  readonly lines: readonly Line[];
  /** What the cursor can be moved to. */
  readonly ids: readonly string[];
  readonly pageSize: number;
}

interface Cell extends Span {
  readonly right?: boolean;
}
interface Column {
  readonly title: string;
  readonly width: number;
  readonly right?: boolean;
}
interface TableRow {
  readonly id: string;
  readonly cells: readonly Cell[];
}
interface Table {
  readonly columns: readonly Column[];
  readonly count: number;
  readonly ids: readonly string[];
  row(at: number): TableRow;
  readonly empty: string;
}

const span = (text: string, tone?: Tone): Span => (tone === undefined ? { text } : { text, tone });
const STATUS_TONES: Readonly<Record<HiveRuntimeState["status"], Tone>> = {
  alive: "good",
  suspect: "warning",
  silent: "bad",
};
const STATE_TONES: Readonly<Record<string, Tone>> = { Idle: "good", Busy: "warning", Loading: "dim" };
const LEVEL_TONES: Readonly<Record<string, Tone>> = { error: "bad", warning: "warning" };

/** The screen, as text. The same view, state and size make the same picture. */
export function pictureOf(view: FleetView, state: TopState, size: Size): Picture {
  const head = [...headLines(view), tabLine(state)];
  const foot = [footLine(state)];
  if (state.help) return finished([...head, ...HELP.map((text) => [span(text)])], foot, size, [], 1);
  const about = state.hiveId === undefined ? [] : hiveLines(view, state.hiveId);
  const table = tableOf(view, state, size.columns);
  const pageSize = Math.max(1, size.rows - head.length - about.length - foot.length - 1);
  const cursorAt = Math.max(0, table.ids.indexOf(state.cursor ?? ""));
  const from = Math.max(0, Math.min(cursorAt - Math.floor(pageSize / 2), table.count - pageSize));
  const lines: Line[] = [...head, ...about, titleLine(table.columns)];
  for (let at = from; at < Math.min(table.count, from + pageSize); at++) {
    lines.push(rowLine(table.columns, table.row(at), at === cursorAt));
  }
  if (table.count === 0)
    lines.push([span(`  ${state.filter === "" ? table.empty : "Nothing matches the filter."}`, "dim")]);
  return finished(lines, foot, size, table.ids, pageSize);
}

/** A picture for a file or a pipe: without what is said of keys, and no longer than it must be. */
export function plainText({ lines }: Picture): string {
  const texts = lines.slice(0, -1).map((line) =>
    line
      .map(({ text }) => text)
      .join("")
      .trimEnd(),
  );
  return texts.join("\n").trimEnd();
}

function headLines(view: FleetView): Line[] {
  const { registry, stats, link } = view;
  const { hives, workers, vram_used_gb, liveness } = registry.stats();
  const first: Span[] = [span("hive top  ", "strong"), span(oneLine(view.queenUrl), "dim")];
  if (link.state === "lost") {
    first.push(
      span(`  queen unreachable since ${duration(view.nowMs - link.sinceMs)}: this is what was known then`, "bad"),
    );
  }
  if (liveness.frozen_until_ms !== undefined) {
    first.push(span("  most hives fell silent together: nobody is evicted (hive evict)", "warning"));
  }
  const some = (count: number, word: string, tone: Tone): Span[] =>
    count === 0 ? [] : [span(", "), span(`${count} ${word}`, tone)];
  return [
    first,
    [
      ...[span(`hives ${hives.total}: `), span(`${hives.alive} alive`, "good")],
      ...[...some(hives.suspect, "suspect", "warning"), ...some(hives.silent, "silent", "bad")],
      ...[span(`   workers ${workers.total}: `), span(`${workers.idle} idle`, "good")],
      ...[...some(workers.busy, "busy", "warning"), ...some(workers.loading, "loading", "dim")],
      ...some(workers.set_aside, "set aside", "bad"),
    ],
    [
      span(
        stats === undefined
          ? "requests -"
          : `requests ${stats.requests.in_flight} in flight, ${stats.requests.queued} waiting   heartbeats ${stats.heartbeats_per_second.toFixed(1)}/s`,
      ),
      span(`   VRAM in use ${gigabytes(vram_used_gb) ?? "-"}`),
    ],
  ];
}

function tabLine({ tab, hiveId, filter, typing }: TopState): Line {
  const tabs = TABS.map((name, at) => span(` ${at + 1} ${name} `, name === tab ? "cursor" : "dim"));
  if (hiveId !== undefined) tabs.push(span(`  › ${oneLine(hiveId)}`, "strong"));
  if (typing || filter !== "") tabs.push(span(`   /${filter}${typing ? "▏" : ""}`, "warning"));
  return tabs;
}

function footLine(state: TopState): Line {
  if (state.typing) return [span("type to filter · Enter keeps it · Esc drops it", "dim")];
  const back = state.hiveId === undefined ? "Enter a hive" : "Esc back";
  return [span(`↑↓ move · ${back} · Tab views · / filter · s sort (${sortOf(state)}) · ? help · q quit`, "dim")];
}

const sortOf = ({ tab, hiveId, hiveSort, workerSort, modelSort }: TopState): string => {
  if (tab === "workers" || hiveId !== undefined) return workerSort;
  return tab === "hives" ? hiveSort : tab === "models" ? modelSort : "newest";
};

const HELP: readonly string[] = [
  "",
  "  ↑ ↓ j k            move              Page Up/Down, g G   further",
  "  Enter              look at a hive    Esc                 back; drop the filter",
  "  Tab, 1 to 4        the other views   /                   filter what is listed",
  "  s                  sort by the next column",
  "  q, Ctrl-C          quit              ?                   this page",
  "",
  "  A hive is suspect when its connection closed or it is late: it gets no new work.",
  "  Silent is offline. GPU and VRAM are those of its devices, as they report them.",
];

function hiveLines(view: FleetView, hiveId: string): Line[] {
  const hive = view.registry.getHiveState(hiveId);
  if (hive === undefined) return [[span("  This hive is gone.", "bad")]];
  const heardMs = view.nowMs + view.queenAheadMs - hive.received_at_ms;
  const facts = [
    `heard ${duration(heardMs)} ago`,
    ...(hive.version === undefined ? [] : [`version ${hive.version}`]),
    ...(hive.cpu_percent === undefined ? [] : [`CPU ${percent(hive.cpu_percent)}`]),
    ...(hive.ram_total_gb === undefined
      ? []
      : [`RAM ${gigabytes(hive.ram_available_gb) ?? "-"} free of ${gigabytes(hive.ram_total_gb)}`]),
    ...Object.entries(hive.labels ?? {}).map(([key, value]) => `${key}=${value}`),
  ];
  const [event] = eventRows(view, "", hiveId);
  return [
    [span("  "), span(hive.status, STATUS_TONES[hive.status]), span(`  ${oneLine(facts.join("  "))}`)],
    ...(hive.devices ?? []).map((device) => deviceLine(device)),
    ...(event === undefined ? [] : [[span(`  last: ${oneLine(event.message)}`, LEVEL_TONES[event.level] ?? "dim")]]),
  ];
}

function deviceLine(device: DeviceInfo): Line {
  const { vram_total_bytes: total, vram_free_bytes: free, utilization_percent: load } = device;
  const used = total === null || free === null ? undefined : total - free;
  return [
    span(`  ${fitted(oneLine(device.name), 24)} VRAM `),
    span(bar(used === undefined || !total ? undefined : used / total, 10), "good"),
    span(` ${fitted(`${bytes(used) ?? "-"} of ${bytes(total) ?? "-"}`, 20)} GPU `),
    heatSpan(load ?? undefined),
    span(device.temperature_c === null ? "" : `  ${Math.round(device.temperature_c)} °C`),
    span(device.power_w === null ? "" : `  ${Math.round(device.power_w)} W`),
  ];
}

const heatTone = (load: number): Tone => (load >= 90 ? "bad" : load >= 50 ? "warning" : "good");
const heatSpan = (load: number | undefined): Span =>
  load === undefined
    ? span(" ".repeat(11))
    : span(`${bar(load / 100, 6)}${percent(load)?.padStart(5) ?? ""}`, heatTone(load));

function tableOf(view: FleetView, state: TopState, columns: number): Table {
  if (state.hiveId !== undefined) return workersTable(view, state, columns, state.hiveId);
  if (state.tab === "workers") return workersTable(view, state, columns, undefined);
  if (state.tab === "models") return modelsTable(view, state, columns);
  return state.tab === "events" ? eventsTable(view, state, columns) : hivesTable(view, state, columns);
}

/** Where no device tells how much there is: what its workers hold. */
function vramSpan({ vram_used_gb }: HiveRuntimeState, share: number | undefined): Span {
  if (share !== undefined) return span(bar(share, 10), share > 0.95 ? "warning" : "good");
  return vram_used_gb > 0 ? span(gigabytes(vram_used_gb) ?? "") : span("");
}

/** What is left of the screen for the widest column, after the others. */
const rest = (columns: number, others: number): number => Math.max(8, columns - others - 2);

function hivesTable(view: FleetView, state: TopState, columns: number): Table {
  const rows = hiveRows(view, state.filter, state.hiveSort);
  const isWide = columns >= 100;
  const name = Math.min(40, rest(columns, isWide ? 79 : 57));
  const row = ({ id, hive, gpuPercent, vramShare }: HiveRow): Cell[] => [
    span(oneLine(id)),
    span(hive.flapping === true ? "flapping" : hive.status, hive.flapping === true ? "bad" : STATUS_TONES[hive.status]),
    { text: String(hive.worker_count), right: true },
    vramSpan(hive, vramShare),
    heatSpan(gpuPercent),
    ...(isWide ? [span(sparkline(view.heat.get(id) ?? [], 20, 100), "dim")] : []),
    { text: duration(view.nowMs + view.queenAheadMs - hive.received_at_ms), right: true },
  ];
  return {
    columns: [
      { title: "HIVE", width: name },
      { title: "STATUS", width: 8 },
      { title: "WORKERS", width: 7, right: true },
      { title: "VRAM", width: 10 },
      { title: "GPU", width: 11 },
      ...(isWide ? [{ title: "GPU, LAST MINUTES", width: 20 }] : []),
      { title: "HEARD", width: 7, right: true },
    ],
    count: rows.length,
    ids: rows.map(({ id }) => id),
    row: (at) => rowOf(rows[at], row),
    empty: "No hives yet. Start this machine's with `hive agent`, or add a machine: hive add HOST",
  };
}

function workersTable(view: FleetView, state: TopState, columns: number, hiveId: string | undefined): Table {
  const rows = workerRows(view, state.filter, state.workerSort, hiveId);
  const name = Math.min(32, Math.floor(rest(columns, 50) / 2));
  const row = ({ hiveId: hive, worker }: WorkerRow): Cell[] => [
    span(oneLine(worker.worker_id)),
    span(oneLine(hive), "dim"),
    span(worker.health_status === "degraded" ? "degraded" : worker.state, STATE_TONES[worker.state]),
    { text: worker.slots_total === undefined ? "-" : `${worker.slots_busy ?? 0}/${worker.slots_total}`, right: true },
    heatSpan(worker.gpu_percent),
    { text: bytes(worker.vram_bytes) ?? "-", right: true },
    span(oneLine(worker.model_id ?? "-")),
  ];
  return {
    columns: [
      { title: "WORKER", width: name },
      { title: "HIVE", width: Math.min(16, name) },
      { title: "STATE", width: 8 },
      { title: "SLOTS", width: 7, right: true },
      { title: "GPU", width: 11 },
      { title: "VRAM", width: 8, right: true },
      { title: "MODEL", width: rest(columns, name + Math.min(16, name) + 40) },
    ],
    count: rows.length,
    ids: rows.map(({ id }) => id),
    row: (at) => rowOf(rows[at], row),
    empty: "No workers. Load a model: hive worker start MODEL",
  };
}

function modelsTable(view: FleetView, state: TopState, columns: number): Table {
  const rows = modelRows(view, state.filter, state.modelSort);
  return {
    columns: [
      { title: "MODEL", width: Math.min(60, rest(columns, 44)) },
      { title: "WORKERS", width: 8, right: true },
      { title: "IDLE", width: 8, right: true },
      { title: "FREE SLOTS", width: 11, right: true },
      { title: "HIVES", width: 8, right: true },
    ],
    count: rows.length,
    ids: rows.map(({ model }) => model),
    row: (at) =>
      rowOf(rows[at] === undefined ? undefined : { id: rows[at].model, ...rows[at] }, (one) => [
        span(oneLine(one.model)),
        { text: String(one.workers), right: true },
        { text: String(one.idle_workers), right: true, tone: one.idle_workers > 0 ? "good" : "warning" },
        { text: String(one.slots_free), right: true },
        { text: String(one.hives), right: true },
      ]),
    empty: "No model is loaded. Load one: hive worker start MODEL",
  };
}

function eventsTable(view: FleetView, state: TopState, columns: number): Table {
  const rows = eventRows(view, state.filter);
  return {
    columns: [
      { title: "AGO", width: 7, right: true },
      { title: "WHAT", width: 18 },
      { title: "", width: rest(columns, 29) },
    ],
    count: rows.length,
    ids: rows.map(({ id }) => String(id)),
    row: (at) =>
      rowOf(rows[at] === undefined ? undefined : { ...rows[at], id: String(rows[at].id) }, (event) => [
        { text: duration(view.nowMs + view.queenAheadMs - event.at_ms), right: true },
        span(event.type, LEVEL_TONES[event.level] ?? "dim"),
        span(oneLine(event.message)),
      ]),
    empty: "Nothing happened since the queen started.",
  };
}

function rowOf<Row extends { readonly id: string }>(
  row: Row | undefined,
  cells: (row: Row) => readonly Cell[],
): TableRow {
  return row === undefined ? { id: "", cells: [] } : { id: row.id, cells: cells(row) };
}

const titleLine = (columns: readonly Column[]): Line => [
  span(`  ${columns.map(({ title, width, right }) => fitted(title, width, right)).join(" ")}`, "dim"),
];

function rowLine(columns: readonly Column[], { cells }: TableRow, isCursor: boolean): Line {
  return [
    span(isCursor ? "› " : "  ", "strong"),
    ...columns.flatMap(({ width }, at): Span[] => {
      const { text = "", tone, right } = cells[at] ?? {};
      const fit = `${fitted(text, width, right)}${at + 1 < columns.length ? " " : ""}`;
      return [span(fit, isCursor ? "cursor" : tone)];
    }),
  ];
}

function fitted(text: string, width: number, right = false): string {
  const short = truncate(text, width);
  const gap = " ".repeat(Math.max(0, width - displayWidth(short)));
  return right ? gap + short : short + gap;
}

function finished(
  body: readonly Line[],
  foot: readonly Line[],
  { columns, rows }: Size,
  ids: readonly string[],
  pageSize: number,
): Picture {
  const room = Math.max(0, rows - foot.length);
  const filled = Array.from({ length: room }, (_, at) => body[at] ?? []);
  return { lines: [...filled, ...foot].map((line) => cut(line, columns)), ids, pageSize };
}

function cut(line: Line, columns: number): Line {
  let left = columns;
  const kept: Span[] = [];
  for (const one of line) {
    if (left <= 0) break;
    const text = truncate(one.text, left);
    kept.push({ ...one, text });
    left -= displayWidth(text);
  }
  return kept;
}
