import { HIVE_SORTS, type HiveSort, MODEL_SORTS, type ModelSort, WORKER_SORTS, type WorkerSort } from "./fleet-view.ts";

export type Tab = "hives" | "workers" | "models" | "events";
export const TABS: readonly Tab[] = ["hives", "workers", "models", "events"];
/** The longest text that is looked for. */
const FILTER_LENGTH_MAX = 64;

/** What a person chose to see. */
export interface TopState {
  readonly tab: Tab;
  /** The hive that is looked at closely. */
  readonly hiveId: string | undefined;
  /** The row under the cursor, by its id: it stays there while rows move. */
  readonly cursor: string | undefined;
  readonly filter: string;
  /** Letters go into the filter. */
  readonly typing: boolean;
  readonly help: boolean;
  readonly hiveSort: HiveSort;
  readonly workerSort: WorkerSort;
  readonly modelSort: ModelSort;
}

export const FIRST_STATE: TopState = {
  ...{ tab: "hives", hiveId: undefined, cursor: undefined, filter: "", typing: false, help: false },
  ...{ hiveSort: "name", workerSort: "name", modelSort: "name" },
};

export type Key =
  | "up"
  | "down"
  | "page-up"
  | "page-down"
  | "first"
  | "last"
  | "enter"
  | "escape"
  | "tab"
  | "back-tab"
  | "backspace"
  | { readonly text: string };

const LETTERS: Readonly<Record<string, Key>> = { k: "up", j: "down", g: "first", G: "last" };

/** Rows on the screen, in order. */
export interface Rows {
  readonly ids: readonly string[];
  readonly pageSize: number;
}

/** What a key does; `quit` ends it. */
export function press(state: TopState, key: Key, rows: Rows): TopState | "quit" {
  if (state.typing) return typed(state, key);
  const known = typeof key === "object" ? LETTERS[key.text] : key;
  if (known === undefined && typeof key === "object") return letter(state, key.text);
  if (state.help) return { ...state, help: false };
  switch (known) {
    case "up":
      return moved(state, rows, -1);
    case "down":
      return moved(state, rows, 1);
    case "page-up":
      return moved(state, rows, -rows.pageSize);
    case "page-down":
      return moved(state, rows, rows.pageSize);
    case "first":
      return moved(state, rows, Number.NEGATIVE_INFINITY);
    case "last":
      return moved(state, rows, Number.POSITIVE_INFINITY);
    case "tab":
      return shown(state, TABS[(TABS.indexOf(state.tab) + 1) % TABS.length]);
    case "back-tab":
      return shown(state, TABS.at(TABS.indexOf(state.tab) - 1));
    case "enter":
      return opened(state, rows);
    case "escape":
      if (state.hiveId !== undefined) return { ...state, hiveId: undefined, cursor: state.hiveId };
      return { ...state, filter: "" };
    default:
      return state;
  }
}

function letter(state: TopState, text: string): TopState | "quit" {
  if (text === "q") return "quit";
  if (text === "?") return { ...state, help: !state.help };
  if (text === "/") return { ...state, help: false, typing: true };
  if (text === "s") return sorted(state);
  const tab = /^[1-4]$/.test(text) ? TABS[Number(text) - 1] : undefined;
  return shown(state, tab);
}

function typed(state: TopState, key: Key): TopState {
  if (key === "enter") return { ...state, typing: false };
  if (key === "escape") return { ...state, typing: false, filter: "" };
  if (key === "backspace") return { ...state, filter: state.filter.slice(0, -1) };
  if (typeof key !== "object") return state;
  return { ...state, filter: `${state.filter}${key.text}`.slice(0, FILTER_LENGTH_MAX), cursor: undefined };
}

const shown = (state: TopState, tab: Tab | undefined): TopState =>
  tab === undefined ? state : { ...state, tab, hiveId: undefined, cursor: undefined, help: false };

function moved(state: TopState, { ids }: Rows, by: number): TopState {
  const at = Math.max(0, ids.indexOf(state.cursor ?? ""));
  const cursor = ids[Math.max(0, Math.min(ids.length - 1, at + by))];
  return cursor === undefined ? state : { ...state, cursor };
}

/** A row of the hives, or the hive of a worker. */
function opened(state: TopState, { ids }: Rows): TopState {
  const row = ids.includes(state.cursor ?? "") ? state.cursor : ids[0];
  if (row === undefined || state.hiveId !== undefined) return state;
  if (state.tab !== "hives" && state.tab !== "workers") return state;
  return { ...state, tab: "hives", hiveId: row.split("\n", 1)[0], cursor: undefined, filter: "" };
}

function sorted(state: TopState): TopState {
  if (state.tab === "workers" || state.hiveId !== undefined) {
    return { ...state, workerSort: next(WORKER_SORTS, state.workerSort) };
  }
  if (state.tab === "hives") return { ...state, hiveSort: next(HIVE_SORTS, state.hiveSort) };
  if (state.tab === "models") return { ...state, modelSort: next(MODEL_SORTS, state.modelSort) };
  return state;
}

const next = <Name>(names: readonly Name[], name: Name): Name =>
  names[(names.indexOf(name) + 1) % names.length] ?? name;
