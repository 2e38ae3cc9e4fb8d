import type { HiveAgentClient } from "@hive-registry/client";
import type { CommandDeps } from "../deps.ts";
import { chosenHive, type HiveChoice, type HiveDeps } from "../fleet/local-hive.ts";
import { harmless } from "../output/text.ts";

/** The end of the log that is shown at first, and read again while following, bytes. */
export const TAIL_BYTES = 65_536;
export const FOLLOW_INTERVAL_MS = 500;

export interface LogsFlags extends HiveChoice {
  readonly follow?: boolean;
}

export interface LogsDeps extends HiveDeps, Pick<CommandDeps, "note"> {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Resolves after so many ms, or when `signal` aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  interruptible(): { readonly signal: AbortSignal; end(): void };
}

/** `hive worker logs ID [-f]`: the end of a worker's log; with -f what is added to it, until Ctrl-C. */
export async function workerLogs(deps: LogsDeps, workerId: string, flags: LogsFlags): Promise<void> {
  const hive = await chosenHive(deps, flags);
  const show = (text: string) => deps.write(deps.isTerminal ? harmless(text) : text);
  const first = await tail(hive, workerId);
  // From before anything is shown: whoever sees it may press Ctrl-C.
  const interrupt = flags.follow ? deps.interruptible() : undefined;
  try {
    if (first === "") deps.note(`The log of ${workerId} is empty so far.`);
    show(first.endsWith("\n") || first === "" ? first : `${first}\n`);
    for (let known = first; interrupt !== undefined && !interrupt.signal.aborted; ) {
      await deps.pause(FOLLOW_INTERVAL_MS, interrupt.signal);
      if (interrupt.signal.aborted) return;
      const now = await tail(hive, workerId);
      show(addedTo(known, now));
      known = now;
    }
  } finally {
    interrupt?.end();
  }
}

const tail = (hive: HiveAgentClient, workerId: string): Promise<string> =>
  hive.workerLogs(workerId, { tail_bytes: TAIL_BYTES });

/** So many characters mark a place in a log. */
const MARK_CHARS = 64;
/** The tail may begin within a character, which then reads differently. */
const CUT_CHARS = 4;

/** What `now`, the end of a growing text, has beyond `before`, its end a while ago. All of it when the two have nothing in common. */
export function addedTo(before: string, now: string): string {
  if (now.startsWith(before)) return now.slice(before.length);
  const whole = now.slice(CUT_CHARS);
  const mark = whole.slice(0, MARK_CHARS);
  if (mark.length < MARK_CHARS) return now;
  for (let at = before.indexOf(mark); at !== -1; at = before.indexOf(mark, at + 1)) {
    const common = before.slice(at);
    if (whole.startsWith(common)) return whole.slice(common.length);
  }
  return now;
}
