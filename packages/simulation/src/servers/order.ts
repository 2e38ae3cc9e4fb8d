import { EMULATOR_STATES, type EmulatorState } from "./kind.ts";

/**
 * What goes wrong on the way. `hang`: nothing comes and the connection stays open. `cut`: the connection is reset.
 * `garbage`: 200, called JSON, and broken off in the middle. `refuse`: `status` (default 500) with a text that no client
 * knows. `error`: a failure as the kind words it, inside the stream when that has begun.
 */
export const EMULATOR_FAULTS = ["hang", "cut", "garbage", "refuse", "error"] as const;
type FaultKind = (typeof EMULATOR_FAULTS)[number];
/** Those that can wait until an answer has begun. */
const MIDWAY: readonly (FaultKind | undefined)[] = ["hang", "cut", "error"];

export interface EmulatorFault {
  readonly kind: FaultKind;
  /** Which paths it meets: those that begin so. Default: all. */
  readonly path?: string;
  /** After so many requests it is over. Default: it stays. */
  readonly times?: number;
  /** `hang`, `cut` and `error` of an inference come after so many tokens. Default: before the first byte. */
  readonly after_tokens?: number;
  readonly status?: number;
}

/** What an emulator is told. What is absent stays as it is. */
export interface EmulatorOrder {
  readonly state?: EmulatorState;
  /** After so long the state is `ready`, ms. A kind that is silent while it loads can be told nothing until then. */
  readonly for_ms?: number;
  /** How late it answers while it is `slow`, ms. Default 1,500. */
  readonly slow_ms?: number;
  /** So many slots are held by others; at most all of them. */
  readonly running?: number;
  /** So many others wait; they are reported, and never get a turn. */
  readonly queued?: number;
  /** 0–1. */
  readonly kv?: number;
  /** Which models are in memory, where the kind loads on demand. */
  readonly loaded?: readonly string[];
  /** Paths that are switched off: an older build, or a flag that was not given. */
  readonly without?: readonly string[];
  readonly fault?: EmulatorFault | null;
}

/** Entries of a list in an order. */
const LIST_MAX = 64;
const MS_MAX = 86_400_000;
const COUNT_MAX = 1_000_000;

type Check = (value: unknown) => boolean;
const whole =
  (max: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
const among =
  (values: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && values.includes(value);
const texts: Check = (value) =>
  Array.isArray(value) && value.length <= LIST_MAX && value.every((one) => typeof one === "string");
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const FAULT_FIELDS: Readonly<Record<keyof EmulatorFault, Check>> = {
  kind: among(EMULATOR_FAULTS),
  path: (value) => typeof value === "string",
  times: whole(COUNT_MAX),
  after_tokens: whole(COUNT_MAX),
  status: (value) => whole(599)(value) && (value as number) >= 200,
};

const FIELDS: Readonly<Record<keyof EmulatorOrder, Check>> = {
  state: among(EMULATOR_STATES),
  for_ms: whole(MS_MAX),
  slow_ms: whole(MS_MAX),
  running: whole(COUNT_MAX),
  queued: whole(COUNT_MAX),
  kv: (value) => typeof value === "number" && value >= 0 && value <= 1,
  loaded: texts,
  without: texts,
  fault: (value) =>
    value === null || (isObject(value) && "kind" in value && faultOf(value, FAULT_FIELDS) === undefined),
};

/** The first field that is unknown or has no value of its kind. */
function faultOf(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Check>>,
): string | undefined {
  return Object.keys(value).find((name) => !Object.hasOwn(fields, name) || fields[name]?.(value[name]) !== true);
}

/** @throws {TypeError} which field is wrong. */
export function readOrder(value: unknown): EmulatorOrder {
  if (!isObject(value)) throw new TypeError("an order is a JSON object");
  const wrong = faultOf(value, FIELDS);
  if (wrong !== undefined) throw new TypeError(`an order has no ${wrong} such as ${JSON.stringify(value[wrong])}`);
  const order = value as EmulatorOrder;
  const { kind, after_tokens } = order.fault ?? {};
  if (after_tokens !== undefined && !MIDWAY.includes(kind))
    throw new TypeError(`${kind} comes at once, not after tokens`);
  if (order.for_ms !== undefined && order.state === undefined) throw new TypeError("for_ms goes with a state");
  return order;
}
