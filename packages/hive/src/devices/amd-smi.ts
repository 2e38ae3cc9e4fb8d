/** What AMD's own tool prints as JSON: for machines whose /sys does not show the cards' memory. */
import type { DeviceInfo } from "@hive-registry/contract";
import { PCI_ADDRESS } from "./drm-cards.ts";
import { wordIn } from "./files.ts";

const MIB = 1_048_576;
const GPUS_MAX = 256;

export interface AmdSmiGpu {
  /** As the tool counts. */
  readonly index: number;
  readonly info: DeviceInfo;
  readonly pci_address: string | undefined;
}

/** `amd-smi metric --json` with `amd-smi static --asic --bus --driver --json` for the names; the second may fail. */
export function parseAmdSmi(metric: string, fixed: string | undefined): AmdSmiGpu[] | undefined {
  const numbers = gpusIn(metric);
  if (numbers === undefined) return undefined;
  const about = gpusIn(fixed ?? "") ?? [];
  return numbers.flatMap((gpu) => {
    const index = gpu.gpu;
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= GPUS_MAX) return [];
    const own = about.find((one) => one.gpu === index) ?? {};
    const bdf = PCI_ADDRESS.exec(text(part(own.bus).bdf)?.toLowerCase() ?? "")?.[0];
    const [total, used, free] = ["total_vram", "used_vram", "free_vram"].map((name) =>
      bytes(part(gpu.mem_usage)[name]),
    );
    const temperature = part(gpu.temperature);
    const info: DeviceInfo = {
      id: bdf ?? `rocm-${index}`,
      backend: "rocm",
      name: (text(part(own.asic).market_name) ?? `AMD GPU ${index}`).slice(0, 256),
      vram_total_bytes: total ?? null,
      vram_free_bytes: free ?? (total == null || used == null ? null : Math.max(0, total - used)),
      utilization_percent: amount(part(gpu.usage).gfx_activity, 0, 100),
      temperature_c: amount(temperature.edge, -273, 1_000) ?? amount(temperature.hotspot, -273, 1_000),
      power_w: amount(part(gpu.power).socket_power, 0, 100_000),
      uuid: null,
      driver: text(part(own.driver).version) ?? null,
    };
    return [{ index, info, pci_address: bdf }];
  });
}

type Fields = Readonly<Record<string, unknown>>;

/** A list of GPUs, or one inside `gpu_data` (ROCm 7). Warnings may stand before it. */
function gpusIn(printed: string): Fields[] | undefined {
  const start = printed.search(/^[[{]/m);
  if (start === -1) return undefined;
  try {
    const whole: unknown = JSON.parse(printed.slice(start));
    const list = Array.isArray(whole) ? whole : part(whole).gpu_data;
    return Array.isArray(list) ? list.slice(0, GPUS_MAX).map(part) : undefined;
  } catch {
    return undefined;
  }
}

/** Any object may be the text "N/A" instead. */
const part = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "N/A" ? wordIn(value) : undefined;

/** `{"value": 42, "unit": "%"}`, of which the value may be "N/A". */
function amount(field: unknown, min: number, max: number): number | null {
  const { value } = part(field);
  return typeof value === "number" && value >= min && value <= max ? value : null;
}

/** Its "MB" are MiB: a card of 24 GiB has 24,560. */
function bytes(field: unknown): number | null {
  const { unit } = part(field);
  if (unit !== "B" && unit !== "MB") return null;
  const value = amount(field, 0, unit === "B" ? 1e14 : 1e8);
  return value === null ? null : Math.round(unit === "B" ? value : value * MIB);
}
