/** The processes of this machine as `ps` tells them, where there is no /proc: on a Mac. */
import { systemClock } from "../clock.ts";
import { type Run, runWith } from "../devices/run.ts";
import type { ProcessStat } from "./process-tree.ts";

const ANSWER_LIMIT_MS = 5_000;
/** Alike on macOS and Linux. The start comes last: it has spaces in it. */
const COLUMNS = "pid=,ppid=,state=,rss=,time=,lstart=";

/** `ps -axo …`, a line for each process. Of the memory the parts are not told: all counts as the process's own. */
export function parsePs(text: string): Map<number, ProcessStat> {
  const found = new Map<number, ProcessStat>();
  for (const line of text.split("\n")) {
    const [, pid, parent, state, kib, time, start] =
      /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\S+)\s+(\S.*\S)\s*$/.exec(line) ?? [];
    const cpu_s = secondsIn(time ?? "");
    const start_time = Date.parse(start ?? "");
    if (pid === undefined || cpu_s === undefined || Number.isNaN(start_time)) continue;
    found.set(Number(pid), {
      pid: Number(pid),
      parent_pid: Number(parent),
      zombie: state?.startsWith("Z") === true,
      cpu_s,
      start_time,
      resident: { own_bytes: Number(kib) * 1_024, file_bytes: 0 },
    });
  }
  return found;
}

/** `0:01.23` on macOS, `1-02:03:04` and `00:00:01` on Linux. */
function secondsIn(time: string): number | undefined {
  const [, days = "0", hours = "0", minutes, seconds] =
    /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(time) ?? [];
  if (minutes === undefined || seconds === undefined) return undefined;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
}

/** Undefined when `ps` does not answer. */
export async function processesByPs(run: Run = runWith(systemClock)): Promise<Map<number, ProcessStat> | undefined> {
  // In another language the start would be no date that can be read.
  const { text, problem } = await run("env", ["LC_ALL=C", "ps", "-axo", COLUMNS], ANSWER_LIMIT_MS).answer;
  return problem === undefined ? parsePs(text) : undefined;
}
