import type { Labels } from "../config/labels.ts";
import type { Machine } from "../devices/machine.ts";
import type { Fleet } from "../workers/fleet.ts";
import type { Report } from "./changes.ts";
import type { Reach } from "./reach.ts";

export interface ReportDeps {
  readonly machine: Machine;
  readonly fleet: Fleet;
  readonly reach: () => Reach;
}

export interface ReportOptions {
  readonly hive_id: string;
  readonly version: string;
  /** Where the hive's API is reached from this machine. */
  readonly localUrl: string;
  /** Whether it is reached from others too. */
  readonly isOpen: boolean;
  readonly labels: Labels;
}

/** What there is to tell of this machine now. */
export function reportOf({ machine, fleet, reach }: ReportDeps, options: ReportOptions): Report {
  const { devices, cpu, ram_total_bytes, ram_available_bytes } = machine.info();
  return {
    hive_id: options.hive_id,
    hive_url: hiveUrlIn(reach(), options),
    version: options.version,
    workers: fleet.workers(),
    devices,
    ram_total_bytes,
    ram_available_bytes,
    ...(Object.keys(options.labels).length > 0 && { labels: options.labels }),
    ...(cpu.percent !== null && { cpu_percent: cpu.percent }),
  };
}

/** Where the hive itself is reached, as far as anybody reaches it. */
export const hiveUrlIn = ({ host }: Reach, { localUrl, isOpen }: Pick<ReportOptions, "localUrl" | "isOpen">): string =>
  isOpen && host !== undefined ? `http://${host}:${new URL(localUrl).port}` : localUrl;

/** Below which URL the hive passes requests on; `undefined`: the queen is where nobody reaches the hive. */
export function relayUrlIn(
  reach: Reach,
  options: Pick<ReportOptions, "localUrl" | "isOpen">,
  relayPath: string,
): string | undefined {
  const isReached = !reach.beyondLoopback || (options.isOpen && reach.host !== undefined);
  return isReached ? hiveUrlIn(reach, options) + relayPath : undefined;
}
