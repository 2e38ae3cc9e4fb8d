/**
 * What a process holds on AMD and Intel GPUs, as their kernel drivers tell for each file it has open on one
 * (/proc/PID/fdinfo, Documentation/gpu/drm-usage-stats.rst). Only for processes of the hive's own user, or as root.
 */
import type { Files } from "./files.ts";
import type { FoundDevice, ProcessMemory } from "./source.ts";

/** Of a process with more open files the rest is not looked at. */
const OPEN_FILES_MAX = 4_096;

/** More than this is no memory that a card has. */
const BYTES_MAX = 1e14;

/** One use of a GPU: several open files may be the same one. */
export interface DrmClient {
  readonly pci_address: string;
  readonly client_id: string;
  /** In the memory of the card. */
  readonly vram_bytes: number;
  /** In the machine's memory, mapped for the card. */
  readonly shared_bytes: number;
}

/** Undefined when it is another kind of file. */
export function parseFdinfo(text: string): DrmClient | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf(":");
    if (line.startsWith("drm-") && at > 0) fields.set(line.slice("drm-".length, at), line.slice(at + 1).trim());
  }
  const [pci_address, client_id] = [fields.get("pdev")?.toLowerCase(), fields.get("client-id")];
  if (pci_address === undefined || client_id === undefined) return undefined;
  const sum = (region: RegExp): number => {
    // What is in memory now counts, not what was asked for; "memory" is what older kernels call it.
    for (const kind of ["resident-", "memory-", "total-"]) {
      const amounts = [...fields]
        .filter(([key]) => key.startsWith(kind) && region.test(key.slice(kind.length)))
        .map(([, value]) => bytesIn(value));
      if (amounts.length > 0) return amounts.reduce((whole, bytes) => whole + bytes, 0);
    }
    return 0;
  };
  return { pci_address, client_id, vram_bytes: sum(/^(?:vram|local)\d*$/), shared_bytes: sum(/^(?:gtt|system\d*)$/) };
}

const UNIT = { "": 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const;

function bytesIn(value: string): number {
  const [, digits, unit = ""] = /^(\d{1,15})(?: ([KMG]iB))?$/.exec(value) ?? [];
  const bytes = digits === undefined ? 0 : Number(digits) * UNIT[unit as keyof typeof UNIT];
  return bytes <= BYTES_MAX ? bytes : 0;
}

/** What one process holds on those of the devices whose drivers tell it. */
export function deviceMemoryOf(pid: number, devices: readonly FoundDevice[], files: Files): ProcessMemory[] {
  const seen = new Set<string>();
  const held = new Map<FoundDevice, number>();
  for (const fd of files.names(`/proc/${pid}/fd`).slice(0, OPEN_FILES_MAX)) {
    if (files.link(`/proc/${pid}/fd/${fd}`)?.startsWith("/dev/dri/") !== true) continue;
    const client = parseFdinfo(files.text(`/proc/${pid}/fdinfo/${fd}`) ?? "");
    const device = client && devices.find(({ pci_address }) => pci_address === client.pci_address);
    if (device === undefined || client === undefined || seen.has(`${client.pci_address} ${client.client_id}`)) continue;
    seen.add(`${client.pci_address} ${client.client_id}`);
    const bytes = client.vram_bytes + (device.unified ? client.shared_bytes : 0);
    held.set(device, (held.get(device) ?? 0) + bytes);
  }
  return [...held].map(([{ info }, vram_bytes]) => ({ pid, device: info.id, vram_bytes }));
}
