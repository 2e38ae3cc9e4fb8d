import { ClientError, type EventLevel, type EventsQuery, type FleetEvent } from "@hive-registry/client";
import type { JsonFlag, Uses } from "../deps.ts";
import type { Paint } from "../output/paint.ts";
import { oneLine } from "../output/text.ts";

export interface EventsFlags extends JsonFlag {
  readonly follow?: boolean;
  readonly type?: string;
  readonly hive?: string;
  readonly level?: EventLevel;
  readonly limit?: number;
}

/** What is shown before what happens from now on. */
const RECENT = 20;

/**
 * `hive events` shows the newest events, and each that follows until Ctrl-C; with `--no-follow` it ends after the newest. For programs
 * the newest are one list, and what follows is a line each.
 */
export async function events(
  deps: Uses<"events" | "followEvents", "print" | "note" | "look" | "nowMs"> & {
    /** A signal that Ctrl-C aborts, until `end`. */
    interruptible(): { readonly signal: AbortSignal; end(): void };
  },
  flags: EventsFlags,
): Promise<void> {
  const { client, print, note, look, nowMs } = deps;
  const query: EventsQuery = {
    limit: flags.limit ?? RECENT,
    ...(flags.type === undefined ? {} : { type: flags.type }),
    ...(flags.hive === undefined ? {} : { hive_id: flags.hive }),
    ...(flags.level === undefined ? {} : { level: flags.level }),
  };
  const lineOf = (event: FleetEvent) => (flags.json ? JSON.stringify(event) : eventLine(event, look.paint, nowMs()));
  if (flags.follow === false) {
    const { events: found } = await client.events(query);
    if (flags.json) return print(JSON.stringify(found));
    if (found.length === 0) return print("Nothing of that happened since the queen started. `hive events` shows all.");
    for (const event of found) print(lineOf(event));
    return;
  }
  const { signal, end } = deps.interruptible();
  const onRetry = ({ error, attempt }: { readonly error: unknown; readonly attempt: number }) => {
    const why = error instanceof ClientError ? oneLine(error.message) : "the stream broke off";
    if (attempt === 1) note(`${why}. Trying again until the queen is back; Ctrl-C ends it.`);
  };
  try {
    for await (const event of client.followEvents(query, { signal, onRetry })) print(lineOf(event));
  } finally {
    end();
  }
}

const LEVEL_WIDTH = "warning".length;
const TYPE_WIDTH = "operation.started".length;
const DAY_MS = 86_400_000;

/** `12:03:04  warning  hive.suspect       attic's connection closed: …`, by the clock of who reads it; older ones with their day. */
export function eventLine({ at_ms, level, type, message }: FleetEvent, paint: Paint, nowMs: number): string {
  const how = { info: paint.dim, warning: paint.yellow, error: paint.red }[level] ?? ((text: string) => text);
  const told = level === "error" ? paint.bold(oneLine(message)) : oneLine(message);
  return [
    paint.dim(timeText(at_ms, nowMs)),
    how(oneLine(level).padEnd(LEVEL_WIDTH)),
    oneLine(type).padEnd(TYPE_WIDTH),
    told,
  ].join("  ");
}

function timeText(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const two = (part: number) => String(part).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (nowMs - atMs < DAY_MS) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}
