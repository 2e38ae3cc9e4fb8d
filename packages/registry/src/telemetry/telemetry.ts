import type { WorkerChange } from "../changes/worker-changes.ts";
import type { HiveHeartbeatPayload } from "../types.ts";
import { type HiveNumbers, readNumbers, skewMsOf } from "./hive-numbers.ts";
import { ModelMeters, type ModelRequest, type ModelTelemetry } from "./models.ts";
import { Sequences } from "./sequences.ts";
import { FLEET_KINDS, type FleetSeries, HIVE_KINDS, type HiveSeries, placesOf } from "./series.ts";
import { StepRings } from "./step-rings.ts";
import { type StepWindow, stepAt, windowOf } from "./steps.ts";

/** What a heartbeat of either kind tells of itself. */
export type Beat = Pick<HiveHeartbeatPayload, "hive_id" | "boot_id" | "seq">;

/** Who is there, as the registry counts them. */
export interface FleetCounts {
  readonly hives_alive: number;
  readonly workers: number;
  readonly workers_busy: number;
}

export interface TelemetryWindow {
  readonly window_ms?: number;
  readonly step_ms?: number;
}

type Series<Name extends string> = Readonly<Record<Name, readonly (number | null)[]>>;
export type HiveSeriesValues = {
  readonly from_ms: number;
  readonly step_ms: number;
  readonly series: Series<HiveSeries>;
};
export type FleetSeriesValues = {
  readonly from_ms: number;
  readonly step_ms: number;
  readonly series: Series<FleetSeries>;
  readonly models: readonly ModelTelemetry[];
};

const AT = placesOf(HIVE_KINDS);
const HIVE_NAMES = Object.keys(HIVE_KINDS) as HiveSeries[];
const FLEET = placesOf(FLEET_KINDS);
const FLEET_NAMES = Object.keys(FLEET_KINDS) as FleetSeries[];

/** Of the fleet: sums of what its hives have, and means over those that tell it. */
const SUMMED = ["vram_used_bytes", "ram_used_bytes"] as const;
const AVERAGED = ["heartbeat_jitter_ms", "cpu_percent", "gpu_percent"] as const;
/** A look at every hive is not taken more often, however often the fleet is asked for, ms. */
const LOOK_MS = 1_000;

/**
 * What each hive, the fleet and the models were like over the last hour and the last day: bounded rings in shared arrays, some two
 * kilobytes a hive. It has no clock: times come in, and are the receiver's. What nobody told is null, never 0.
 *
 * A heartbeat costs O(1) and makes no object. The fleet's sums are made once at the end of each step.
 */
export class Telemetry {
  readonly #seats: Map<string, number> = new Map();
  readonly #rings: StepRings = new StepRings(Object.values(HIVE_KINDS), { pageSeats: 64 });
  readonly #sequences: Sequences = new Sequences();
  readonly #fleet: StepRings = new StepRings(Object.values(FLEET_KINDS), { pageSeats: 1 });
  readonly #fleetSeat: number = this.#fleet.open();
  readonly #models: ModelMeters = new ModelMeters();
  readonly #numbers: HiveNumbers = {
    ...{ workers: 0, vram_used_bytes: 0, ram_used_bytes: 0, cpu_percent: 0, gpu_percent: 0 },
  };
  readonly #startedAtMs: number;
  /** When each hive was heard last, by seat; NaN: not since its last start. */
  #heardAtMs: Float64Array = new Float64Array(64);
  #step: number;
  #looked: { readonly atMs: number; readonly sums: Readonly<Record<string, number>> } | undefined;

  constructor(nowMs: number) {
    this.#startedAtMs = nowMs;
    this.#step = stepAt(nowMs);
    this.#fleet.heard(this.#fleetSeat, this.#step);
  }

  /** Hives of which something is kept. */
  get hives(): number {
    return this.#seats.size;
  }

  /** Of all arrays. */
  get bytes(): number {
    const own = this.#heardAtMs.byteLength + this.#sequences.bytes;
    return own + this.#rings.bytes + this.#fleet.bytes + this.#models.bytes;
  }

  has(hiveId: string): boolean {
    return this.#seats.has(hiveId);
  }

  // ---- what is told -------------------------------------------------------------------------------------------------

  /** A heartbeat or a lease was taken. */
  heartbeat({ hive_id, boot_id, seq }: Beat, receivedAtMs: number): void {
    const step = this.#at(receivedAtMs);
    const seat = this.#seats.get(hive_id) ?? this.#open(hive_id);
    const rings = this.#rings;
    rings.heard(seat, step);
    this.#fleet.add(this.#fleetSeat, FLEET.heartbeats_per_second, 1);
    if (boot_id !== undefined && seq !== undefined) {
      if (this.#sequences.bootOf(seat) !== boot_id) this.#heardAtMs[seat] = Number.NaN;
      const lost = this.#sequences.take(seat, boot_id, seq);
      rings.add(seat, AT.heartbeats_lost, lost);
      if (lost !== 0) this.#fleet.add(this.#fleetSeat, FLEET.heartbeats_lost, lost);
    }
    const gapMs = receivedAtMs - (this.#heardAtMs[seat] as number);
    this.#heardAtMs[seat] = receivedAtMs;
    if (Number.isNaN(gapMs)) return;
    rings.add(seat, AT.heartbeat_interval_ms, gapMs);
    rings.add(seat, AT.heartbeat_jitter_ms, gapMs * gapMs);
    this.#fleet.add(this.#fleetSeat, FLEET.heartbeat_interval_ms, gapMs);
  }

  /** One was refused because a newer one was there already: it was late, not lost. */
  late({ hive_id, boot_id, seq }: Beat, receivedAtMs: number): void {
    const seat = this.#seats.get(hive_id);
    if (seat === undefined || boot_id === undefined || seq === undefined) return;
    if (this.#sequences.bootOf(seat) !== boot_id || this.#sequences.take(seat, boot_id, seq) !== -1) return;
    this.#rings.heard(seat, this.#at(receivedAtMs));
    this.#rings.add(seat, AT.heartbeats_lost, -1);
    this.#fleet.add(this.#fleetSeat, FLEET.heartbeats_lost, -1);
  }

  /**
   * What a full heartbeat says of its machine; {@link heartbeat} comes first.
   *
   * @returns how far the hive's clock is ahead, ms: once in each step, else NaN.
   */
  sample(payload: HiveHeartbeatPayload, receivedAtMs: number): number {
    const seat = this.#seats.get(payload.hive_id);
    if (seat === undefined) return Number.NaN;
    const step = this.#at(receivedAtMs);
    const rings = this.#rings;
    rings.heard(seat, step);
    const numbers = this.#numbers;
    readNumbers(payload, numbers);
    rings.add(seat, AT.workers, numbers.workers);
    if (!Number.isNaN(numbers.vram_used_bytes)) rings.add(seat, AT.vram_used_bytes, numbers.vram_used_bytes);
    if (!Number.isNaN(numbers.ram_used_bytes)) rings.add(seat, AT.ram_used_bytes, numbers.ram_used_bytes);
    if (!Number.isNaN(numbers.cpu_percent)) rings.add(seat, AT.cpu_percent, numbers.cpu_percent);
    if (!Number.isNaN(numbers.gpu_percent)) rings.add(seat, AT.gpu_percent, numbers.gpu_percent);
    if (rings.countIn(seat, AT.clock_skew_ms, step) > 0) return Number.NaN;
    const skewMs = skewMsOf(payload, receivedAtMs);
    if (!Number.isNaN(skewMs)) rings.add(seat, AT.clock_skew_ms, skewMs);
    return skewMs;
  }

  /** Something happened to a worker. Those that come and go with their hive are no churn: it is not known yet, or no more. */
  workerChanged({ hive_id, kind }: Pick<WorkerChange, "hive_id" | "kind">, nowMs: number): void {
    const series = CHURN[kind];
    if (series === undefined) return;
    const seat = this.#seats.get(hive_id);
    if (seat === undefined) return;
    this.#rings.heard(seat, this.#at(nowMs));
    this.#rings.add(seat, AT[series], 1);
    this.#fleet.add(this.#fleetSeat, FLEET[series], 1);
  }

  /** A request of a model ended. */
  request(model: string, request: ModelRequest, nowMs: number): void {
    this.#models.add(model, request, stepAt(nowMs));
  }

  /** Whether requests of this model are told apart from others'. */
  hasModel(model: string): boolean {
    return this.#models.has(model);
  }

  /** Who is there now. To be told every few seconds, also when nothing else is. */
  count(counts: FleetCounts, nowMs: number): void {
    this.#at(nowMs);
    const seat = this.#fleetSeat;
    this.#fleet.add(seat, FLEET.hives_alive, counts.hives_alive);
    this.#fleet.add(seat, FLEET.workers, counts.workers);
    this.#fleet.add(seat, FLEET.workers_busy, counts.workers_busy);
    // Nothing came, and that is known.
    for (const series of COUNTED) this.#fleet.add(seat, FLEET[series], 0);
  }

  /** A hive is gone: nothing is kept of it. @returns false when nothing was. */
  forget(hiveId: string): boolean {
    const seat = this.#seats.get(hiveId);
    if (seat === undefined) return false;
    this.#seats.delete(hiveId);
    this.#rings.close(seat);
    return true;
  }

  // ---- questions ----------------------------------------------------------------------------------------------------

  /** Undefined: nothing was told of it. */
  hive(hiveId: string, asked: TelemetryWindow, nowMs: number): HiveSeriesValues | undefined {
    return this.hiveSeries(hiveId, HIVE_NAMES, windowOf(nowMs, asked));
  }

  /** Some of the series of a hive. */
  hiveSeries<Name extends HiveSeries>(
    hiveId: string,
    names: readonly Name[],
    window: StepWindow,
  ): { readonly from_ms: number; readonly step_ms: number; readonly series: Series<Name> } | undefined {
    const seat = this.#seats.get(hiveId);
    if (seat === undefined) return undefined;
    const { from_ms, step_ms } = window;
    const read = (name: Name) => this.#rings.read(seat, AT[name], window).map((value) => shown(name, value));
    return {
      from_ms,
      step_ms,
      series: Object.fromEntries(names.map((name) => [name, read(name)])) as unknown as Series<Name>,
    };
  }

  /** @param modelsMax the busiest are told apart, at most so many */
  fleet(asked: TelemetryWindow & { readonly modelsMax: number }, nowMs: number): FleetSeriesValues {
    this.#at(nowMs);
    const window = windowOf(nowMs, asked);
    const { from_ms, step_ms } = window;
    const series = Object.fromEntries(FLEET_NAMES.map((name) => [name, this.#fleetValues(name, window, nowMs)]));
    return {
      from_ms,
      step_ms,
      series: series as unknown as Series<FleetSeries>,
      models: this.#models.read(window, asked.modelsMax),
    };
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  #open(hiveId: string): number {
    const seat = this.#rings.open();
    this.#sequences.clear(seat);
    if (seat >= this.#heardAtMs.length) {
      const grown = new Float64Array(this.#heardAtMs.length * 2);
      grown.set(this.#heardAtMs);
      this.#heardAtMs = grown;
    }
    this.#heardAtMs[seat] = Number.NaN;
    this.#seats.set(hiveId, seat);
    return seat;
  }

  /** The step of this time. When it is a new one, the fleet's numbers of the one before are made. */
  #at(nowMs: number): number {
    const step = stepAt(nowMs);
    if (step <= this.#step) return this.#step;
    const sums = this.#look(this.#step);
    for (const name of LOOKED) {
      const sum = sums[name] as number;
      if (!Number.isNaN(sum)) this.#fleet.add(this.#fleetSeat, FLEET[name], sum);
    }
    this.#step = step;
    this.#looked = undefined;
    this.#fleet.heard(this.#fleetSeat, step);
    return step;
  }

  /** What the hives have in a step, together. O(hives). */
  #look(step: number): Record<(typeof LOOKED)[number], number> {
    const sums = [0, 0, 0, 0, 0];
    const told = [0, 0, 0, 0, 0];
    for (const seat of this.#seats.values()) {
      for (let of = 0; of < LOOKED.length; of++) {
        const value = this.#rings.valueIn(seat, LOOKED_AT[of] as number, step);
        if (Number.isNaN(value)) continue;
        sums[of] = (sums[of] as number) + value;
        told[of] = (told[of] as number) + 1;
      }
    }
    return Object.fromEntries(
      LOOKED.map((name, of) => {
        const [sum, count] = [sums[of] as number, told[of] as number];
        return [name, count === 0 ? Number.NaN : of < SUMMED.length ? sum : sum / count];
      }),
    ) as Record<(typeof LOOKED)[number], number>;
  }

  #fleetValues(name: FleetSeries, window: StepWindow, nowMs: number): (number | null)[] {
    const values = this.#fleet.read(this.#fleetSeat, FLEET[name], window).map((value) => shown(name, value));
    const last = values.length - 1;
    if (name === "heartbeats_per_second") {
      return values.map((value, at) => {
        const beganMs = Math.max(window.from_ms + at * window.step_ms, this.#startedAtMs);
        const endedMs = Math.min(window.from_ms + (at + 1) * window.step_ms, nowMs);
        return value === null ? null : rounded(value / Math.max(1, (endedMs - beganMs) / 1_000));
      });
    }
    if (isLooked(name) && !window.isLong && window.each === 1) {
      if (this.#looked === undefined || nowMs - this.#looked.atMs >= LOOK_MS) {
        this.#looked = { atMs: nowMs, sums: this.#look(this.#step) };
      }
      values[last] = shown(name, knownOrNull(this.#looked.sums[name] as number));
    }
    return values;
  }
}

const LOOKED = [...SUMMED, ...AVERAGED] as const;
const LOOKED_AT: readonly number[] = LOOKED.map((name) => AT[name]);
const isLooked = (name: FleetSeries): name is (typeof LOOKED)[number] => (LOOKED as readonly string[]).includes(name);

const CHURN: Readonly<Partial<Record<WorkerChange["kind"], HiveSeries & FleetSeries>>> = {
  added: "workers_started",
  removed: "workers_stopped",
  failed: "workers_failed",
  state: "worker_state_changes",
};
const COUNTED = [
  ...(["heartbeats_per_second", "heartbeats_lost", "workers_started", "workers_stopped"] as const),
  ...(["workers_failed", "worker_state_changes"] as const),
] as const;

const knownOrNull = (value: number): number | null => (Number.isNaN(value) ? null : value);
const rounded = (value: number): number => Math.round(value * 10) / 10;

/** As people and programs get it. What came late may take more off a step than was lost in it. */
function shown(name: HiveSeries | FleetSeries, value: number | null): number | null {
  if (value === null) return null;
  if (name === "heartbeats_lost") return Math.max(0, Math.round(value));
  return name.endsWith("_percent") || name.endsWith("_ms") || name.startsWith("hives") || name.startsWith("workers")
    ? rounded(value)
    : Math.round(value);
}
