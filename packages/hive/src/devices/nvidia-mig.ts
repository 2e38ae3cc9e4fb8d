/** GPUs that are divided (MIG): their parts, which nvidia-smi tells only in its long text and in its list. */
import type { ProcessMemory } from "./source.ts";

const MIB = 1_048_576;

/** One part of a divided GPU: what an engine is given, by its UUID, instead of the GPU. */
export interface MigPart {
  /** Of the GPU. */
  readonly gpu_uuid: string;
  /** Its place on its GPU, as in `nvidia-smi -L`. */
  readonly index: number;
  readonly uuid: string;
  /** `3g.40gb`: its share of the processors and of the memory. */
  readonly profile: string;
  readonly memory_total_bytes: number | null;
  readonly memory_free_bytes: number | null;
}

export interface Divided {
  readonly parts: readonly MigPart[];
  /** On parts and on whole GPUs. */
  readonly processes: readonly ProcessMemory[];
}

/** Joins `nvidia-smi -q` (memory, and which process is on which part) with `nvidia-smi -L` (UUIDs and profiles). */
export function readDivided(query: string, list: string): Divided {
  const names = parseList(list);
  const parts: MigPart[] = [];
  const processes: ProcessMemory[] = [];
  for (const gpu of parseQuery(query)) {
    const { uuid: gpu_uuid } = gpu;
    if (gpu_uuid === undefined) continue;
    const uuids = new Map<number, string>();
    for (const { index, instance, total, free } of gpu.parts) {
      const name = names.find((one) => one.gpu_uuid === gpu_uuid && one.index === index);
      if (index === undefined || name === undefined) continue;
      if (instance !== undefined) uuids.set(instance, name.uuid);
      parts.push({ ...name, memory_total_bytes: total ?? null, memory_free_bytes: free ?? null });
    }
    for (const { instance, pid, bytes } of gpu.processes) {
      if (pid === undefined || bytes === undefined) continue;
      const device = (instance === undefined ? undefined : uuids.get(instance)) ?? gpu_uuid;
      processes.push({ pid, device, vram_bytes: bytes });
    }
  }
  return { parts, processes };
}

type ListedPart = Pick<MigPart, "gpu_uuid" | "index" | "uuid" | "profile">;

/** `nvidia-smi -L`: a line for each GPU, below it one for each of its parts. */
export function parseList(text: string): ListedPart[] {
  const found: ListedPart[] = [];
  let gpu_uuid: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    gpu_uuid = /^GPU \d+: .*\(UUID: (GPU-[0-9A-Za-z-]{1,100})\)/.exec(line)?.[1] ?? gpu_uuid;
    const [, profile, index, uuid] =
      /^\s+MIG (\S+)\s+Device\s+(\d{1,2}): \(UUID: (MIG-[0-9A-Za-z/-]{1,120})\)/.exec(line) ?? [];
    if (gpu_uuid === undefined || profile === undefined || index === undefined || uuid === undefined) continue;
    found.push({ gpu_uuid, index: Number(index), uuid, profile });
  }
  return found;
}

interface QueriedPart {
  index?: number;
  instance?: number;
  total?: number;
  free?: number;
}

interface QueriedProcess {
  readonly instance: number | undefined;
  readonly pid: number | undefined;
  bytes?: number;
}

interface QueriedGpu {
  uuid?: string;
  readonly parts: QueriedPart[];
  readonly processes: QueriedProcess[];
}

/** `nvidia-smi -q`: what belongs together is told by the indent, four more for each level. */
export function parseQuery(text: string): QueriedGpu[] {
  const gpus: QueriedGpu[] = [];
  /** The headings above the line, by level. */
  const above: string[] = [];
  let instance: number | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, indent = "", key = "", value] = /^( *)(\S.*?)\s*(?: : (.*))?$/.exec(line) ?? [];
    const level = indent.length / 4;
    if (key === "" || !Number.isInteger(level)) continue;
    above.length = Math.min(above.length, level);
    above[level] = key;
    if (level === 0 && /^GPU [0-9A-Fa-f]+:/.test(key)) gpus.push({ parts: [], processes: [] });
    const gpu = gpus.at(-1);
    if (gpu === undefined) continue;
    if (level === 1 && key === "GPU UUID" && value?.startsWith("GPU-")) gpu.uuid = value.trim();
    if (level === 1 && key === "MIG Device") gpu.parts.push({});
    if (above[1] === "MIG Device") readPart(gpu.parts.at(-1), above, value);
    if (above[1] !== "Processes") continue;
    if (level === 2 && /^GPU instance ID$/i.test(key)) instance = wholeNumber(value);
    if (level === 2 && key === "Process ID") gpu.processes.push({ instance, pid: wholeNumber(value) });
    const process = gpu.processes.at(-1);
    const bytes = bytesOf(value);
    if (level === 3 && key === "Used GPU Memory" && process !== undefined && bytes !== undefined) process.bytes = bytes;
  }
  return gpus;
}

/** One line below a part's heading. Parts that share memory with others name it "Shared". */
function readPart(part: QueriedPart | undefined, above: readonly string[], value: string | undefined): void {
  const [, , key, field] = above;
  if (part === undefined) return;
  if (above.length === 3) {
    const number = wholeNumber(value);
    if (key === "Index" && number !== undefined) part.index = number;
    if (key === "GPU Instance ID" && number !== undefined) part.instance = number;
  }
  if (above.length === 4 && /^(?:Shared )?FB Memory Usage$/.test(key ?? "")) {
    const bytes = bytesOf(value);
    if (field === "Total" && bytes !== undefined) part.total = bytes;
    if (field === "Free" && bytes !== undefined) part.free = bytes;
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text.trim()) ? Number(text) : undefined;
}

function bytesOf(text: string | undefined): number | undefined {
  const mib = /^(\d{1,9}) MiB$/.exec(text?.trim() ?? "")?.[1];
  return mib === undefined ? undefined : Number(mib) * MIB;
}
