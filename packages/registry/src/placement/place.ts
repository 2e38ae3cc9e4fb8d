import type { HiveRuntimeState, Labels } from "../types.ts";

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
  /** The place in the hive's list of devices. */
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
 * The hive and device that a model goes to now. Room is what was measured as free, less what is promised there and the
 * margin; a device that does not tell has none, and where none tells RAM counts. Only hives that are alive. First those that have the model's file, then a
 * device before RAM, then where the least is left over, then the lower id. O(hives).
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
      const room_bytes = Math.max(0, free_bytes - (heldAt.get(keyOf(hive_id, device_id)) ?? 0) - marginBytes);
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
  // Devices that share the machine's memory often tell nothing of it: there the machine's is what counts.
  const noneTells = backend === undefined && devices.every(({ vram_free_bytes }) => vram_free_bytes === null);
  if (backend === "cpu" || (noneTells && device_id === undefined)) {
    if (device_id !== undefined) return "other_device";
    if (ram_available_gb === undefined) return "room_unknown";
    return [{ device_id: undefined, free_bytes: Math.floor(ram_available_gb * 1e9) }];
  }
  const all = devices.map((device, at) => ({ device, at }));
  const fitting = all.filter(({ device }) => backend === undefined || device.backend === backend);
  if (fitting.length === 0) return "other_backend";
  const asked = fitting.filter(({ at }) => device_id === undefined || at === device_id);
  if (asked.length === 0) return "other_device";
  const known = asked.flatMap(({ device: { vram_free_bytes }, at }) =>
    vram_free_bytes === null ? [] : [{ device_id: at, free_bytes: vram_free_bytes }],
  );
  return known.length === 0 ? "room_unknown" : known;
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

function sumsOf(held: Iterable<HeldMemory>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { hive_id, device_id, memory_bytes } of held) {
    const key = keyOf(hive_id, device_id);
    sums.set(key, (sums.get(key) ?? 0) + memory_bytes);
  }
  return sums;
}

/** The number comes first, so that no two places share a key, whatever a hive is called. */
const keyOf = (hiveId: string, deviceId: number | undefined): string => `${deviceId ?? "ram"} ${hiveId}`;
