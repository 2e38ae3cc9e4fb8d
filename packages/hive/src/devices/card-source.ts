import type { DeviceInfo } from "@hive-registry/contract";
import { type Clock, repeat } from "../clock.ts";
import type { Files } from "./files.ts";
import { keepReading, type Look, type Reading } from "./reading.ts";
import type { DeviceSource, FoundDevice } from "./source.ts";

/** A file that asks a device answers at once, or hangs with the device. */
const READ_LIMIT_MS = 10_000;

/** What of a card does not change. */
export interface FixedCard {
  readonly id: string;
  readonly backend: string;
  readonly name: string;
  readonly uuid: string | null;
  readonly driver: string | null;
  readonly pci_address: string;
  readonly unified: boolean;
  /** Its number among the GPUs that its backend's runtime counts. */
  readonly runtime_index?: number;
}

/** What of it does. */
export type CardNumbers = Pick<
  DeviceInfo,
  "vram_total_bytes" | "vram_free_bytes" | "utilization_percent" | "temperature_c" | "power_w"
>;

/** One maker's cards: how they are found, and how one is measured. */
export interface CardKind<C extends FixedCard> {
  find(): { readonly cards: readonly C[]; readonly notes: readonly string[] };
  /** Must not reject. */
  measure(card: C): Promise<Look<CardNumbers>>;
}

const UNKNOWN: CardNumbers = {
  vram_total_bytes: null,
  vram_free_bytes: null,
  utilization_percent: null,
  temperature_c: null,
  power_w: null,
};

/**
 * The cards that the kernel lists in /sys, each read by itself: one whose driver hangs has unknown numbers, the others go
 * on. Numbered from `firstNumber` in the order in which they were found; one that comes back has its old number.
 */
export function startCards<C extends FixedCard>(
  { clock }: { readonly clock: Clock },
  { periodMs, firstNumber }: { readonly periodMs: number; readonly firstNumber: number },
  kind: CardKind<C>,
): DeviceSource {
  const numbers = new Map<string, number>();
  const readings = new Map<string, Reading<CardNumbers>>();
  let { cards, notes } = kind.find();

  function follow(): void {
    ({ cards, notes } = kind.find());
    for (const card of cards) {
      if (!numbers.has(card.id)) numbers.set(card.id, firstNumber + numbers.size);
      if (readings.has(card.id)) continue;
      const options = { what: nameOf(card), periodMs, limitMs: READ_LIMIT_MS };
      readings.set(
        card.id,
        keepReading(clock, options, () => kind.measure(card)),
      );
    }
    for (const [id, reading] of readings) {
      if (cards.some((card) => card.id === id)) continue;
      reading.stop();
      readings.delete(id);
    }
  }

  follow();
  const endFollowing = repeat(clock, { firstMs: periodMs, periodMs }, async () => follow());
  const troubles = () => cards.map(({ id }) => readings.get(id)?.trouble()).filter((one) => one !== undefined);
  return {
    devices: () =>
      cards
        .map((card) => toDevice(card, numbers.get(card.id) ?? firstNumber, readings.get(card.id)))
        .sort((a, b) => a.index - b.index),
    notes: () => [...troubles(), ...notes],
    // The drivers tell it of each process by itself, in /proc/PID/fdinfo.
    processes: async () => undefined,
    settled: async () => void (await Promise.all([...readings.values()].map(({ settled }) => settled))),
    async stop() {
      endFollowing();
      for (const reading of readings.values()) reading.stop();
    },
  };
}

const nameOf = ({ pci_address, name }: FixedCard): string => `the GPU at ${pci_address} (${name})`;

function toDevice(card: FixedCard, index: number, reading: Reading<CardNumbers> | undefined): FoundDevice {
  const { id, backend, name, uuid, driver, pci_address, unified, runtime_index } = card;
  const last = reading?.last() ?? UNKNOWN;
  // How much memory it has does not change when it no longer answers.
  const measured = reading?.isStale() === false ? last : { ...UNKNOWN, vram_total_bytes: last.vram_total_bytes };
  return {
    ...{ index, info: { id, backend, name, ...measured, uuid, driver }, pci_address },
    ...(unified && { unified }),
    ...(runtime_index !== undefined && { runtime_index }),
  };
}

export interface Sensors {
  readonly temperature_c: number | null;
  readonly power_w: number | null;
}

/** A folder of sensors below a card; hwmon writes thousandths of degrees and millionths of watts. */
export async function readSensors(
  files: Files,
  deviceFolder: string,
  { temperature, power }: { readonly temperature: readonly string[]; readonly power: readonly string[] },
): Promise<Sensors> {
  const [hwmon] = files.names(`${deviceFolder}/hwmon`);
  if (hwmon === undefined) return { temperature_c: null, power_w: null };
  const first = async (names: readonly string[], unit: number, min: number, max: number): Promise<number | null> => {
    for (const name of names) {
      const text = (await files.ask(`${deviceFolder}/hwmon/${hwmon}/${name}`))?.trim() ?? "";
      const value = /^-?\d{1,16}$/.test(text) ? Number(text) / unit : Number.NaN;
      if (value >= min && value <= max) return value;
    }
    return null;
  };
  return {
    temperature_c: await first(temperature, 1e3, -273, 1_000),
    power_w: await first(power, 1e6, 0, 100_000),
  };
}
