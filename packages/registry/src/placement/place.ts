import type { DeviceInfo, HiveRuntimeState, Labels } from "../types.ts";

/** A hive as placing looks at it. */
export type HiveRoom = Pick<HiveRuntimeState, "hive_id" | "status" | "devices" | "ram_available_gb" | "labels">;

/** Memory that is promised to a worker which no measurement shows yet. */
export interface HeldMemory {
  readonly hive_id: string;
  /** Absent: the machine's RAM. */
  readonly device_id?: number;
  readonly memory_bytes: number;
}

export interface PlaceRequest {
  readonly memory_bytes: number;
  /** `cpu`: in RAM, on any machine. Absent: on a device where the machine has one whose memory is known, else in RAM. */
  readonly backend?: string;
  readonly hive_id?: string;
  /** The number of a device on its machine. */
  readonly device_id?: number;
  readonly labels?: Labels;
  /** Hives that were tried already. */
  readonly exclude?: readonly string[];
}

export interface PlaceOptions {
  /** Whether a hive can start the model at once. Those that can come first. */
  readonly hasFile?: (hiveId: string) => boolean;
  /** Left free on each device, and of each machine's RAM. */
  readonly marginBytes?: number;
}

/** Where a model goes. */
export interface ModelPlace {
  readonly hive_id: string;
  /** Absent: into RAM. */
  readonly device_id?: number;
  /** What is free there now, without what is promised and the margin. */
  readonly room_bytes: number;
}

/** In the order in which they are looked for: a hive is told the first that applies. */
export type Lack =
  | "other_hive"
  | "excluded"
  | "hive_silent"
  | "hive_suspect"
  | "other_label"
  | "other_backend"
  | "other_device"
  | "room_unknown"
  | "no_room";

/** Why a model does not go to a hive. */
export interface HiveLack {
  readonly hive_id: string;
  readonly reason: Lack;
  /** With `no_room`: the most that one device has, or the RAM. */
  readonly room_bytes?: number;
}

export type Placing =
  | { readonly place: ModelPlace }
  /** One entry for each hive. */
  | { readonly place?: undefined; readonly lacks: readonly HiveLack[] };

/** As a part of what the driver, other programs and a wrong estimate may take. llama.cpp itself leaves as much. */
export const DEFAULT_MARGIN_BYTES: number = 512 * 1_048_576;

/**
 * The hive and device that a model goes to now. Room is what was measured as free, less what is promised from the same
 * memory and the margin. A device that does not tell what is free is passed over; where none tells RAM counts, which is also the
 * memory of a device without its own. Only hives that are alive. First those that have the model's file, then a device before
 * RAM, then where the least is left over, then the lower id. O(hives).
 */
export function findHiveForModel(
  hives: Iterable<HiveRoom>,
  request: PlaceRequest,
  held: Iterable<HeldMemory> = [],
  options: PlaceOptions = {},
): Placing {
  const { hasFile = () => true, marginBytes = DEFAULT_MARGIN_BYTES } = options;
  const heldAt = sumsOf(held);
  const lacks: HiveLack[] = [];
  let best: (ModelPlace & { readonly hasFile: boolean }) | undefined;
  for (const hive of hives) {
    const { hive_id } = hive;
    const against = reasonAgainst(hive, request);
    const spots = against === undefined ? spotsOf(hive, request) : against;
    if (typeof spots === "string") {
      lacks.push({ hive_id, reason: spots });
      continue;
    }
    let most = Number.NEGATIVE_INFINITY;
    for (const { device_id, free_bytes } of spots) {
      const room_bytes = Math.max(0, free_bytes - promisedFrom(hive, device_id, heldAt.get(hive_id)) - marginBytes);
      most = Math.max(most, room_bytes);
      if (room_bytes < request.memory_bytes) continue;
      const place = { hive_id, ...(device_id === undefined ? {} : { device_id }), room_bytes };
      const candidate = { ...place, hasFile: hasFile(hive_id) };
      if (best === undefined || isBetter(candidate, best)) best = candidate;
    }
    if (most < request.memory_bytes) lacks.push({ hive_id, reason: "no_room", room_bytes: most });
  }
  if (best === undefined) return { lacks };
  const { hasFile: _has, ...place } = best;
  return { place };
}

/** Whether two places of one machine take from the same memory; `undefined` is its RAM. */
export function sharesMemory(
  { devices = [] }: Pick<HiveRoom, "devices">,
  one: number | undefined,
  other: number | undefined,
): boolean {
  const isMachines = (place: number | undefined): boolean =>
    place === undefined || devices.some((device, at) => numberOf(device, at) === place && device.memory === "unified");
  return one === other || (isMachines(one) && isMachines(other));
}

/** Hives of old versions do not tell it: they count as they list. */
const numberOf = ({ index }: DeviceInfo, at: number): number => index ?? at;

interface Spot {
  readonly device_id: number | undefined;
  readonly free_bytes: number;
}

function reasonAgainst(hive: HiveRoom, { hive_id, exclude, labels }: PlaceRequest): Lack | undefined {
  if (hive_id !== undefined && hive.hive_id !== hive_id) return "other_hive";
  if (exclude?.includes(hive.hive_id) === true) return "excluded";
  if (hive.status === "silent") return "hive_silent";
  if (hive.status === "suspect") return "hive_suspect";
  if (Object.entries(labels ?? {}).some(([name, value]) => hive.labels?.[name] !== value)) return "other_label";
  return undefined;
}

/** Where on this machine it may go: at least one place whose free memory is known, or why there is none. */
function spotsOf(hive: HiveRoom, { backend, device_id }: PlaceRequest): readonly Spot[] | Lack {
  const { devices = [], ram_available_gb } = hive;
  const ram_bytes = ram_available_gb === undefined ? undefined : Math.floor(ram_available_gb * 1e9);
  // Devices that share the machine's memory often tell nothing of it: there the machine's is what counts.
  const noneTells = backend === undefined && devices.every(({ vram_free_bytes }) => vram_free_bytes === null);
  if (backend === "cpu" || (noneTells && device_id === undefined)) {
    if (device_id !== undefined) return "other_device";
    return ram_bytes === undefined ? "room_unknown" : [{ device_id: undefined, free_bytes: ram_bytes }];
  }
  const all = devices.map((device, at) => ({ device, number: numberOf(device, at) }));
  const fitting = all.filter(({ device }) => backend === undefined || device.backend === backend);
  if (fitting.length === 0) return "other_backend";
  const asked = fitting.filter(({ number }) => device_id === undefined || number === device_id);
  if (asked.length === 0) return "other_device";
  const known = asked.flatMap(({ device: { vram_free_bytes }, number }) =>
    vram_free_bytes === null ? [] : [{ device_id: number, free_bytes: vram_free_bytes }],
  );
  if (known.length > 0) return known;
  const machines = asked.filter(({ device }) => device.memory === "unified");
  if (machines.length === 0 || ram_bytes === undefined) return "room_unknown";
  return machines.map(({ number }) => ({ device_id: number, free_bytes: ram_bytes }));
}

function isBetter(
  one: ModelPlace & { readonly hasFile: boolean },
  other: ModelPlace & { readonly hasFile: boolean },
): boolean {
  if (one.hasFile !== other.hasFile) return one.hasFile;
  const onDevice = one.device_id !== undefined;
  if (onDevice !== (other.device_id !== undefined)) return onDevice;
  if (one.room_bytes !== other.room_bytes) return one.room_bytes < other.room_bytes;
  if (one.hive_id !== other.hive_id) return one.hive_id < other.hive_id;
  return (one.device_id ?? 0) < (other.device_id ?? 0);
}

/** What is promised on a hive, by device; `undefined` is its RAM. */
type Promised = ReadonlyMap<number | undefined, number>;

function sumsOf(held: Iterable<HeldMemory>): ReadonlyMap<string, Promised> {
  const sums = new Map<string, Map<number | undefined, number>>();
  for (const { hive_id, device_id, memory_bytes } of held) {
    const onHive = sums.get(hive_id) ?? new Map<number | undefined, number>();
    onHive.set(device_id, (onHive.get(device_id) ?? 0) + memory_bytes);
    sums.set(hive_id, onHive);
  }
  return sums;
}

function promisedFrom(hive: HiveRoom, deviceId: number | undefined, promised: Promised = new Map()): number {
  let sum = 0;
  for (const [place, bytes] of promised) if (sharesMemory(hive, place, deviceId)) sum += bytes;
  return sum;
}
