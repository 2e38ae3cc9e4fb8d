/** Intel GPUs as the kernel's drivers `xe` and `i915` show them in /sys. Neither tells there how much memory is free. */
import type { Clock } from "../clock.ts";
import { type CardKind, type FixedCard, readSensors } from "./card-source.ts";
import { type Card, cardsOf, pciNames, VENDOR, withheldNote } from "./drm-cards.ts";
import { type Files, numberIn } from "./files.ts";

export interface IntelCard extends FixedCard {
  readonly folder: string;
}

/** The one inside the processor has had this address for twenty years. */
const INTEGRATED_ADDRESS = "0000:00:02.0";

/** The energy counter of one card when it was last read. */
interface Energy {
  readonly atMs: number;
  readonly joules: number;
}

export function intelSysfs(files: Files, clock: Clock): CardKind<IntelCard> {
  const nameOf = pciNames(files);
  const before = new Map<string, Energy>();

  /** Between two looks; the counters count what was used since the machine's start. */
  async function watts(card: IntelCard): Promise<number | null> {
    const folder = `${card.folder}/device/hwmon`;
    const [hwmon] = files.names(folder);
    const microjoules = hwmon && numberIn(await files.ask(`${folder}/${hwmon}/energy1_input`));
    if (!microjoules) return null;
    const now = { atMs: clock.nowMs(), joules: microjoules / 1e6 };
    const then = before.get(card.id);
    before.set(card.id, now);
    if (then === undefined || now.atMs <= then.atMs || now.joules < then.joules) return null;
    return Math.min(100_000, ((now.joules - then.joules) * 1_000) / (now.atMs - then.atMs));
  }

  return {
    find() {
      const found = cardsOf(VENDOR.intel, files).filter(({ driver }) => driver === "xe" || driver === "i915");
      const cards = found
        .filter(({ withheld }) => !withheld)
        .map((card) => describe(card, nameOf(VENDOR.intel, card.device)));
      return { cards, notes: [...cards.map(remark), ...found.filter(({ withheld }) => withheld).map(withheldNote)] };
    },
    async measure(card) {
      const { temperature_c } = await readSensors(files, `${card.folder}/device`, {
        temperature: ["temp2_input", "temp1_input"],
        power: [],
      });
      return {
        value: {
          vram_total_bytes: card.unified ? null : memoryOf(card, files),
          vram_free_bytes: null,
          utilization_percent: null,
          temperature_c,
          power_w: await watts(card),
        },
      };
    },
  };
}

function describe({ folder, pci_address, device, driver }: Card, name: string | undefined): IntelCard {
  return {
    id: pci_address,
    // Every inference server that runs on these cards can use it; SYCL needs Intel's own libraries.
    backend: "vulkan",
    name: (name ?? `Intel GPU ${device}`).trim().slice(0, 256),
    uuid: null,
    driver: driver || null,
    pci_address,
    unified: pci_address === INTEGRATED_ADDRESS,
    folder,
  };
}

/** xe tells it for each part of the chip; i915 only in Intel's own edition of it. */
function memoryOf({ folder }: IntelCard, files: Files): number | null {
  const tiles = files
    .names(`${folder}/device`)
    .filter((name) => /^tile\d+$/.test(name))
    .map((tile) => numberIn(files.text(`${folder}/device/${tile}/physical_vram_size_bytes`)))
    .filter((bytes) => bytes !== undefined);
  if (tiles.length > 0) return tiles.reduce((sum, bytes) => sum + bytes, 0);
  return numberIn(files.text(`${folder}/lmem_total_bytes`)) ?? null;
}

const remark = ({ pci_address, name, unified }: IntelCard): string =>
  unified
    ? `the GPU at ${pci_address} (${name}) uses the machine's memory`
    : `the GPU at ${pci_address} (${name}): its driver does not tell its free memory and its use`;
