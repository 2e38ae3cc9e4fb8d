/** What nvidia-smi prints, read field by field: one that is not a plain number is null and never costs the whole GPU. */
import { wordIn } from "./files.ts";
import type { ProcessMemory } from "./source.ts";

const MIB = 1_048_576;
/** About 100 TB. */
const MIB_MAX = 1e8;

/** Columns every driver of the last ten years knows. */
export const COLUMNS_BASIC = [
  "index",
  "uuid",
  "name",
  "memory.total",
  "memory.used",
  "memory.free",
  "utilization.gpu",
  "temperature.gpu",
  "power.draw",
  "driver_version",
] as const;

/** Older drivers refuse the last ones (exit 2). */
export const COLUMNS: readonly string[] = [...COLUMNS_BASIC, "pci.bus_id", "compute_cap", "mig.mode.current"];

export interface GpuSample {
  readonly index: number;
  readonly uuid: string | null;
  readonly name: string;
  readonly memory_total_bytes: number | null;
  readonly memory_free_bytes: number | null;
  readonly utilization_percent: number | null;
  readonly temperature_c: number | null;
  readonly power_w: number | null;
  readonly driver: string | null;
  /** It says of all its memory "not applicable": it has none of its own and uses the machine's (GB10, Jetson). */
  readonly unified: boolean;
  /** Divided into parts (MIG): its utilisation is not told. */
  readonly mig: boolean;
}

/**
 * One line of `--query-gpu=… --format=csv,noheader,nounits`. Undefined when it is something else: in loop mode ECC and
 * Xid messages stand between the lines.
 */
export function parseGpuLine(line: string, columns: readonly string[] = COLUMNS): GpuSample | undefined {
  const cells = line.split(",").map((cell) => cell.trim());
  if (cells.length !== columns.length) return undefined;
  const cell = (name: string): string => cells[columns.indexOf(name)] ?? "";
  if (!/^\d{1,3}$/.test(cell("index")) || cell("name") === "") return undefined;
  const total = bytesOfMib(cell("memory.total"));
  const used = bytesOfMib(cell("memory.used"));
  // Total also holds what the driver reserves, so "free" is not "total − used" where the driver tells it itself.
  const free = bytesOfMib(cell("memory.free")) ?? (total !== null && used !== null ? Math.max(0, total - used) : null);
  return {
    index: Number(cell("index")),
    uuid: wordOrNull(cell("uuid")),
    name: cell("name").slice(0, 256),
    memory_total_bytes: total,
    memory_free_bytes: free,
    utilization_percent: inRange(plainNumber(cell("utilization.gpu")), 0, 100),
    temperature_c: inRange(plainNumber(cell("temperature.gpu")), -273, 1_000),
    power_w: inRange(plainNumber(cell("power.draw")), 0, 100_000),
    driver: wordOrNull(cell("driver_version")),
    unified: isNotApplicable(cell("memory.total")) && isNotApplicable(cell("memory.used")),
    mig: cell("mig.mode.current") === "Enabled",
  };
}

/** Lines of `--query-compute-apps=pid,gpu_uuid,used_gpu_memory`. A process on two GPUs has two; unknown amounts have none. */
export function parseComputeApps(text: string): ProcessMemory[] {
  const found: ProcessMemory[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [pid, device, mib, ...more] = line.split(",").map((cell) => cell.trim());
    const vram_bytes = bytesOfMib(mib ?? "");
    if (more.length > 0 || vram_bytes === null || !/^\d{1,10}$/.test(pid ?? "") || !device) continue;
    found.push({ pid: Number(pid), device, vram_bytes });
  }
  return found;
}

/** Why nvidia-smi failed, in its own words where it has some: it prints most of its errors to stdout. */
export function failureNote(code: number | null, signal: string | null, firstWords: string): string {
  const how = code === null ? `ended by ${signal ?? "a signal"}` : `exit ${code}`;
  const words = firstWords
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, 300);
  const known = code === null ? undefined : EXIT_MEANING[code];
  return `nvidia-smi failed (${how}): ${words || known || "it gave no reason"}`;
}

const EXIT_MEANING: Readonly<Record<number, string>> = {
  2: "it does not know one of the fields",
  3: "not available on this device",
  4: "no permission to ask the driver",
  6: "no devices were found",
  8: "a GPU's power cable is not attached",
  9: "the NVIDIA driver is not loaded",
  10: "the kernel found an interrupt problem with a GPU",
  12: "the driver's library (NVML) is missing",
  13: "the driver's library (NVML) is too old",
  14: "a GPU's infoROM is damaged; its values are still good",
  15: "a GPU has fallen off the bus",
  18: "driver and library versions do not match: restart the machine, or reload the driver",
};

export function plainNumber(text: string): number | null {
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : null;
}

function bytesOfMib(text: string): number | null {
  const mib = inRange(plainNumber(text), 0, MIB_MAX);
  return mib === null ? null : Math.round(mib * MIB);
}

const inRange = (value: number | null, min: number, max: number): number | null =>
  value === null || value < min || value > max ? null : value;

const isNotApplicable = (text: string): boolean => /^\[?(?:N\/A|Not Supported)\]?$/i.test(text);

/** A name that is none, such as `[N/A]`, is null. */
const wordOrNull = (text: string): string | null =>
  text.startsWith("[") || text === "N/A" ? null : (wordIn(text) ?? null);
