import { HiveError } from "@hive-registry/contract/errors";
import { lastWords } from "../ssh/failure.ts";
import { readInstalled } from "./installed.ts";
import type { Preflight } from "./machine.ts";
import { readLines } from "./scripts/places.ts";

/** The oldest Node that runs a hive: `engines` of every package here. */
const NODE_OLDEST = [20, 19, 0] as const;

const SYSTEMS: Readonly<Record<string, Preflight["os"]>> = { Linux: "linux", Darwin: "darwin" };
const ARCHITECTURES: Readonly<Record<string, Preflight["arch"]>> = {
  x86_64: "x64",
  amd64: "x64",
  aarch64: "arm64",
  arm64: "arm64",
};

/**
 * What the preflight script printed.
 *
 * @throws {HiveError} `MACHINE_FAILED` when it broke off; `NODE_MISSING` for a system that no Node is made for here.
 */
export function readPreflight(text: string, options: { readonly host: string; readonly port: number }): Preflight {
  const said = readLines(text);
  const first = (key: string): string => said.get(key)?.[0] ?? "";
  if (first("done") !== "yes") {
    throw new HiveError("MACHINE_FAILED", `Looking at what ${options.host} has broke off`, {
      details: { output_tail: lastWords(text) },
    });
  }
  const os = SYSTEMS[first("os")];
  const arch = ARCHITECTURES[first("arch")];
  if (os === undefined || arch === undefined) {
    throw new HiveError(
      "NODE_MISSING",
      `${options.host} is a machine of a kind that hives do not run on (${first("os")} ${first("arch")}): Linux or macOS, x64 or arm64`,
    );
  }
  const node = newest(said.get("node") ?? []);
  const installed = readInstalled(first("installed"));
  const ours = installed?.running === true && installed.port === options.port;
  return {
    os,
    arch,
    hostname: first("hostname"),
    disk_free_bytes: Number(/\s(\d+)\s+-?\d+%/.exec(first("disk"))?.[1] ?? 0) * 1_024,
    memory_total_bytes: memoryOf(first("memory")),
    ...(node === undefined ? {} : { node }),
    gpus: gpusOf(said),
    queen: reachOf(first("queen")),
    port_taken: first("port") === "taken" && !ours,
    services: servicesOf(first("systemd"), first("launchd")),
    ...(installed === undefined ? {} : { installed }),
  };
}

/** `v20.19.0 /usr/bin/node`. Of equals the one that was looked at first: that of the user's PATH. */
function newest(lines: readonly string[]): Preflight["node"] {
  let best: { readonly path: string; readonly version: string; readonly numbers: readonly number[] } | undefined;
  for (const line of lines) {
    const [, version, path] = /^v(\d+\.\d+\.\d+)\S*\s+(\/.*)$/.exec(line) ?? [];
    if (version === undefined || path === undefined) continue;
    const numbers = version.split(".").map(Number);
    if (compare(numbers, NODE_OLDEST) >= 0 && (best === undefined || compare(numbers, best.numbers) > 0)) {
      best = { path, version, numbers };
    }
  }
  return best && { path: best.path, version: best.version };
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [at, number] of one.entries()) {
    if (number !== other[at]) return number - (other[at] ?? 0);
  }
  return 0;
}

/** `MemTotal: 16303428 kB` of Linux, `hw.memsize: 17179869184` of macOS. */
function memoryOf(line: string): number {
  const [, number, kib] = /(\d+)( kB)?$/.exec(line) ?? [];
  return Number(number ?? 0) * (kib === undefined ? 1 : 1_024);
}

function gpusOf(said: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const nvidia = (said.get("nvidia") ?? []).flatMap(
    (line) => /^GPU \d+: (.+?)(?: \(UUID: .*\))?$/.exec(line)?.[1] ?? [],
  );
  const pci = (said.get("pci") ?? []).flatMap((line) => /^\S+ [^:]+: (.+?)(?: \(rev \w+\))?$/.exec(line)?.[1] ?? []);
  // What the driver names is the same card that the bus names, only by a better name.
  const others = nvidia.length === 0 ? pci : pci.filter((name) => !/nvidia/i.test(name));
  const chipsets = (said.get("chipset") ?? []).flatMap((line) => /Chipset Model: (.+)$/.exec(line)?.[1] ?? []);
  return [...nvidia, ...others, ...chipsets];
}

const reachOf = (word: string): Preflight["queen"] =>
  word === "reached" || word === "out of reach" ? word : "unknown";

/** `degraded`: it runs, and some service of the user failed. */
function servicesOf(systemd: string, launchd: string): Preflight["services"] {
  if (systemd === "running" || systemd === "degraded") return "systemd";
  return launchd === "running" ? "launchd" : "none";
}
