/** The graphics cards as Linux lists them in /sys: what stays the same while the machine runs. */
import { type Files, fieldsIn } from "./files.ts";

export const VENDOR = { amd: "0x1002", intel: "0x8086", nvidia: "0x10de" } as const;

/** One card with a kernel driver of the DRM kind. */
export interface Card {
  /** `/sys/class/drm/card0`. */
  readonly folder: string;
  /** `0000:03:00.0`. */
  readonly pci_address: string;
  /** `amdgpu`, `i915`, `xe` … */
  readonly driver: string;
  /** `0x744c`. */
  readonly device: string;
  /** The number of its file below /dev/dri, through which programs compute. */
  readonly render_minor: number | undefined;
  /** That file is not here: a container shows the whole machine's /sys, but programs in it cannot use this card. */
  readonly withheld: boolean;
}

/** In lower case. */
export const PCI_ADDRESS: RegExp = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
/** A machine has a few; what a broken /sys lists beyond these is left out. */
const CARDS_MAX = 64;

/** All cards of one vendor, by address, so that the same card has the same place after each start. */
export function cardsOf(vendor: string, files: Files): Card[] {
  const cards: Card[] = [];
  for (const name of files.names("/sys/class/drm")) {
    const folder = `/sys/class/drm/${name}`;
    // `card0-DP-1` is a socket of it.
    if (!/^card\d+$/.test(name) || files.text(`${folder}/device/vendor`)?.trim() !== vendor) continue;
    const about = fieldsIn(files.text(`${folder}/device/uevent`), "=");
    const pci_address = about.get("PCI_SLOT_NAME")?.toLowerCase();
    if (pci_address === undefined || !PCI_ADDRESS.test(pci_address) || cards.length >= CARDS_MAX) continue;
    const device = /^0x[0-9a-f]{4}(?=\s*$)/.exec(files.text(`${folder}/device/device`) ?? "")?.[0] ?? "";
    const render = files.names(`${folder}/device/drm`).find((one) => one.startsWith("renderD"));
    cards.push({
      ...{ folder, pci_address, driver: about.get("DRIVER") ?? "", device },
      render_minor: render === undefined ? undefined : Number(render.slice("renderD".length)),
      withheld: render !== undefined && !files.names("/dev/dri").includes(render),
    });
  }
  return cards.sort((a, b) => (a.pci_address < b.pci_address ? -1 : 1));
}

export const withheldNote = ({ pci_address }: Card): string =>
  `the GPU at ${pci_address} is not given to this container (below /dev/dri): left out`;

/** How many NVIDIA GPUs the machine has, also when their driver is broken: they have the first numbers. */
export function nvidiaCount(files: Files): number {
  return files.names("/sys/bus/pci/devices").filter((address) => {
    const folder = `/sys/bus/pci/devices/${address}`;
    // 0x0300 computes and shows pictures, 0x0302 only computes.
    return (
      files.text(`${folder}/vendor`)?.trim() === VENDOR.nvidia && /^0x030[02]/.test(files.text(`${folder}/class`) ?? "")
    );
  }).length;
}

const NAME_LISTS = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];

/** What the machine's list of PCI ids calls a device: undefined without such a list. It is long, so it is read once a device. */
export function pciNames(files: Files): (vendor: string, device: string) => string | undefined {
  const names = new Map<string, string | undefined>();
  return (vendor, device) => {
    const key = `${vendor} ${device}`;
    if (!names.has(key)) {
      const lists = NAME_LISTS.map((list) => nameInList(files.text(list) ?? "", vendor.slice(2), device.slice(2)));
      names.set(
        key,
        lists.find((name) => name !== undefined),
      );
    }
    return names.get(key);
  };
}

/** pci.ids: a line for each vendor, below it one for each device, indented by a tab. */
export function nameInList(list: string, vendor: string, device: string): string | undefined {
  const start = list.search(new RegExp(`^${vendor} {2}`, "m"));
  if (start === -1) return undefined;
  const devices = list.slice(list.indexOf("\n", start) + 1);
  const end = devices.search(/^[0-9a-fA-F]/m);
  const own = end === -1 ? devices : devices.slice(0, end);
  return new RegExp(`^\\t${device} {2}(.+)$`, "m").exec(own)?.[1]?.trim();
}
