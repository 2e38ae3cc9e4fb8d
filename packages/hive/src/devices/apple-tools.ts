/** What macOS tells of its GPUs, without being root. None of it was tried on a Mac: the samples are from other projects. */

const GIB = 2 ** 30;

export interface Display {
  readonly name: string;
  /** Only GPUs of Intel Macs have memory of their own. */
  readonly vram_bytes: number | undefined;
}

/** `system_profiler SPDisplaysDataType -json`, which takes half a second. Undefined when it is something else. */
export function parseDisplays(json: string): Display[] | undefined {
  try {
    const { SPDisplaysDataType: list } = JSON.parse(json) as { SPDisplaysDataType?: unknown };
    if (!Array.isArray(list)) return undefined;
    return list.slice(0, 16).flatMap((entry: Readonly<Record<string, unknown>> | null) => {
      const name = entry?.sppci_model ?? entry?._name;
      return typeof name === "string" && name !== "" ? [{ name: name.slice(0, 256), vram_bytes: vram(entry) }] : [];
    });
  } catch {
    return undefined;
  }
}

function vram(entry: Readonly<Record<string, unknown>> | null): number | undefined {
  const [, amount, unit] = /^(\d{1,5}) ([MG])B$/.exec(String(entry?.spdisplays_vram ?? "")) ?? [];
  return amount === undefined ? undefined : Number(amount) * (unit === "G" ? GIB : GIB / 1_024);
}

export interface Accelerator {
  readonly model: string | undefined;
  /** Of the machine's memory. */
  readonly in_use_bytes: number | null;
  readonly utilization_percent: number | null;
}

/** `ioreg -r -d 1 -w 0 -c IOAccelerator`: one block for each GPU, in which one line holds all live numbers. */
export function parseAccelerators(text: string): Accelerator[] {
  return text
    .split(/^\+-o /m)
    .slice(1, 17)
    .flatMap((block) => {
      const statistics = /^\s*"PerformanceStatistics" = \{(.*)\}\s*$/m.exec(block)?.[1];
      if (statistics === undefined) return [];
      const number = (key: string): number | null => {
        // The quotes keep `In use system memory (driver)` apart.
        const digits = new RegExp(`"${key}"=(\\d{1,15})(?:,|$)`).exec(statistics)?.[1];
        return digits === undefined ? null : Number(digits);
      };
      const busy = number("Device Utilization %");
      return [
        {
          model: /^\s*"model" = "([^"]+)"\s*$/m.exec(block)?.[1],
          in_use_bytes: number("In use system memory"),
          utilization_percent: busy !== null && busy <= 100 ? busy : null,
        },
      ];
    });
}

/**
 * How much of the machine's memory Metal may use: what was set with `sysctl iogpu.wired_limit_mb` (0 is "not set"), else
 * what has been reported of the system's default: two thirds up to 36 GB, three quarters above.
 */
export function metalLimitBytes(memoryBytes: number, wiredLimit: string | undefined): number {
  const mib = /^\d{1,9}$/.test(wiredLimit?.trim() ?? "") ? Number(wiredLimit) : 0;
  if (mib > 0) return Math.min(memoryBytes, mib * 1_048_576);
  return Math.floor(memoryBytes <= 36 * GIB ? (memoryBytes * 2) / 3 : memoryBytes * 0.75);
}
