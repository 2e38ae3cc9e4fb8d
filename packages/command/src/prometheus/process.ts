import { readdirSync } from "node:fs";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { type Family, one } from "./family.ts";

/** What is told of the process that this runs in. */
export interface ProcessReading {
  readonly cpu: NodeJS.CpuUsage;
  readonly memory: NodeJS.MemoryUsage;
  readonly uptime_s: number;
  /** Undefined where the system does not tell. */
  readonly open_fds: number | undefined;
  /** How late timers were since the reading before, s; undefined at the first one. */
  readonly lag: Readonly<Record<Lag, number>> | undefined;
}

const LAGS = { p50: "The median", p90: "The 90th percentile", p99: "The 99th percentile", max: "The longest" } as const;
type Lag = keyof typeof LAGS;
/** How often the event loop is looked at, ms. */
const RESOLUTION_MS = 20;

let delays: IntervalHistogram | undefined;

/** Watching the event loop begins when somebody first asks: it is not free. */
export function readProcess(): ProcessReading {
  return {
    cpu: process.cpuUsage(),
    memory: process.memoryUsage(),
    uptime_s: process.uptime(),
    open_fds: openFiles(),
    lag: readLag(),
  };
}

function readLag(): ProcessReading["lag"] {
  if (delays === undefined) {
    delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delays.enable();
    return undefined;
  }
  // What is recorded is the time between two looks, of which most was meant.
  const late = (ns: number): number => Math.max(0, ns / 1e9 - RESOLUTION_MS / 1e3);
  const at = (percentile: number): number => (delays?.count ? late(delays.percentile(percentile)) : 0);
  const lag = { p50: at(50), p90: at(90), p99: at(99), max: delays.count > 0 ? late(delays.max) : 0 };
  delays.reset();
  return lag;
}

function openFiles(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}

/** Named as every Node program names them, so that dashboards for Node have them. */
export const PROCESS_FAMILIES: readonly Family<ProcessReading>[] = [
  {
    ...{ name: "process_cpu_seconds_total", kind: "counter", labels: [], help: "CPU time that the process has used." },
    read: ({ cpu }) => one((cpu.user + cpu.system) / 1e6),
  },
  {
    ...{ name: "process_resident_memory_bytes", kind: "gauge", labels: [], help: "Memory that the process holds." },
    read: ({ memory }) => one(memory.rss),
  },
  {
    ...{ name: "process_start_time_seconds", kind: "gauge", labels: [], help: "When it was started, since 1970." },
    read: ({ uptime_s }) => one(Math.round(Date.now() / 1_000 - uptime_s)),
  },
  {
    ...{ name: "process_open_fds", kind: "gauge", labels: [], help: "Open files and sockets; on Linux only." },
    read: ({ open_fds }) => one(open_fds),
  },
  {
    ...{ name: "nodejs_heap_size_used_bytes", kind: "gauge", labels: [], help: "JavaScript's heap: used." },
    read: ({ memory }) => one(memory.heapUsed),
  },
  {
    ...{ name: "nodejs_heap_size_bytes", kind: "gauge", labels: [], help: "JavaScript's heap: all of it." },
    read: ({ memory }) => one(memory.heapTotal),
  },
  {
    ...{ name: "nodejs_external_memory_bytes", kind: "gauge", labels: [], help: "Buffers and the like." },
    read: ({ memory }) => one(memory.external),
  },
  ...(Object.keys(LAGS) as Lag[]).map(
    (lag): Family<ProcessReading> => ({
      ...{ name: `nodejs_eventloop_lag_${lag}_seconds`, kind: "gauge", labels: [] },
      help: `${LAGS[lag]} of how late the event loop was since the reading before; the first one has none.`,
      read: (reading) => one(reading.lag?.[lag]),
    }),
  ),
];
