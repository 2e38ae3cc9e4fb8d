/** AMD GPUs as the kernel's driver `amdgpu` shows them in /sys: no tool of AMD's is needed. */
import type { CardKind, CardNumbers, FixedCard } from "./card-source.ts";
import { readSensors } from "./card-source.ts";
import { type Card, cardsOf, pciNames, VENDOR, withheldNote } from "./drm-cards.ts";
import { type Files, fieldsIn, numberIn, wordIn } from "./files.ts";
import type { Memory } from "./memory.ts";
import type { Look } from "./reading.ts";

export interface AmdCard extends FixedCard {
  readonly folder: string;
}

/** What ROCm's kernel driver (KFD) knows of a GPU. */
interface ComputeNode {
  /** Its place in the order in which ROCm counts GPUs. */
  readonly place: number;
  readonly compute_units: number | undefined;
}

/** Two compute units, as in many desktop processors, show pictures; they are slower than the cores beside them. */
const DISPLAY_ONLY_UNITS = 2;

/**
 * Its cards, in ROCm's order where ROCm's driver is loaded. A GPU inside the processor has a little memory of its own and
 * uses the machine's beyond that (GTT); both count, as far as the machine has it.
 */
export function amdSysfs(files: Files, memory: () => Memory): CardKind<AmdCard> {
  const nameOf = pciNames(files);
  return {
    find() {
      const nodes = computeNodes(files);
      const known: { readonly card: AmdCard; readonly place: number }[] = [];
      const notes: string[] = [];
      for (const found of cardsOf(VENDOR.amd, files)) {
        if (found.driver !== "amdgpu") continue;
        if (found.withheld) {
          notes.push(withheldNote(found));
          continue;
        }
        const node = nodes.get(found.render_minor ?? Number.NaN);
        const card = describe(found, node, { files, nameOf });
        if (card.unified && node?.compute_units !== undefined && node.compute_units <= DISPLAY_ONLY_UNITS) {
          notes.push(`the GPU at ${card.pci_address} (${card.name}) is too small to compute with: left out`);
          continue;
        }
        if (card.unified) notes.push(`the GPU at ${card.pci_address} (${card.name}) uses the machine's memory`);
        known.push({ card, place: node?.place ?? Number.MAX_SAFE_INTEGER });
      }
      return { cards: known.sort((a, b) => a.place - b.place).map(({ card }) => card), notes };
    },
    measure: (card) => measure(card, files, memory),
  };
}

/** Whether the driver shows in /sys what the cards have; some containers and very old kernels do not. */
export const tellsMemory = (files: Files): boolean =>
  cardsOf(VENDOR.amd, files).some(({ folder }) => files.text(`${folder}/device/mem_info_vram_total`) !== undefined);

function describe(
  card: Card,
  node: ComputeNode | undefined,
  { files, nameOf }: { readonly files: Files; readonly nameOf: ReturnType<typeof pciNames> },
): AmdCard {
  const { folder, pci_address } = card;
  const own = files.text(`${folder}/device/product_name`)?.trim();
  const unique = files.text(`${folder}/device/unique_id`)?.trim().toLowerCase() ?? "";
  const name = own || nameOf(VENDOR.amd, card.device) || `AMD GPU ${card.device}`;
  return {
    id: pci_address,
    // Without a node of ROCm's driver only Vulkan can compute on it.
    backend: node === undefined ? "vulkan" : "rocm",
    name: name.trim().slice(0, 256),
    // As ROCR_VISIBLE_DEVICES takes it.
    uuid: /^(?!0+$)[0-9a-f]{1,16}$/.test(unique) ? `GPU-${unique.padStart(16, "0")}` : null,
    driver: wordIn(files.text("/sys/module/amdgpu/version")?.trim()) ?? null,
    pci_address,
    unified: isIntegrated(folder, files),
    // Also those that are left out here have one.
    ...(node !== undefined && { runtime_index: node.place }),
    folder,
  };
}

/** Only GPUs inside a processor have a voltage of its north bridge among their sensors. */
function isIntegrated(folder: string, files: Files): boolean {
  const [hwmon] = files.names(`${folder}/device/hwmon`);
  return hwmon !== undefined && files.text(`${folder}/device/hwmon/${hwmon}/in1_label`)?.trim() === "vddnb";
}

function computeNodes(files: Files): ReadonlyMap<number, ComputeNode> {
  const nodes = new Map<number, ComputeNode>();
  const folder = "/sys/class/kfd/kfd/topology/nodes";
  for (const name of files.names(folder)) {
    const about = fieldsIn(files.text(`${folder}/${name}/properties`), " ");
    const [minor, simds] = [numberIn(about.get("drm_render_minor")), numberIn(about.get("simd_count"))];
    // A node without SIMDs is a processor.
    if (!minor || !simds) continue;
    const per = numberIn(about.get("simd_per_cu")) || undefined;
    nodes.set(minor, { place: nodes.size, compute_units: per && simds / per });
  }
  return nodes;
}

async function measure(card: AmdCard, files: Files, memory: () => Memory): Promise<Look<CardNumbers>> {
  const device = `${card.folder}/device`;
  const bytes = async (name: string): Promise<number | undefined> => numberIn(await files.ask(`${device}/${name}`));
  const own = roomOf(await bytes("mem_info_vram_total"), await bytes("mem_info_vram_used"));
  if (own === undefined) {
    return { trouble: `the driver does not tell the memory of the GPU at ${card.pci_address} (${card.name})` };
  }
  const shared = card.unified ? roomOf(await bytes("mem_info_gtt_total"), await bytes("mem_info_gtt_used")) : undefined;
  const busy = numberIn(await files.ask(`${device}/gpu_busy_percent`));
  return {
    value: {
      vram_total_bytes: own.total + (shared?.total ?? 0),
      vram_free_bytes: own.free + Math.min(shared?.free ?? 0, memory().available_bytes),
      utilization_percent: busy === undefined || busy > 100 ? null : busy,
      ...(await readSensors(files, device, {
        temperature: ["temp1_input"],
        power: ["power1_average", "power1_input"],
      })),
    },
  };
}

const roomOf = (total: number | undefined, used: number | undefined) =>
  total === undefined || used === undefined ? undefined : { total, free: Math.max(0, total - used) };
