import type { HeartbeatOrder } from "../heartbeats/order.ts";
import type { ReportDraft } from "../heartbeats/report-draft.ts";
import type { Due } from "../indexes/deadline-heap.ts";
import type { Records } from "../indexes/records.ts";
import type { LivenessFacts } from "../liveness/status.ts";
import type { DeviceInfo, HiveStatus, Labels } from "../types.ts";
import type { WorkerList } from "../workers/worker-list.ts";
import type { AgeBucket } from "./age-index.ts";

// A hive's numbers lie in one record: as fields of the object each would be an object of its own, somewhere in memory.
/** When it was heard, ms; never for one that said goodbye. What is asked most often: whether it is online. */
export const ONLINE_AT_MS = 0;
const RECEIVED_AT_MS = 1;
const LAST_HEARTBEAT_MS = 2;
const CLOCK_SKEW_MS = 3;
const SEQ = 4;
const TOLD_INTERVAL_MS = 5;
const CPU_PERCENT = 6;
const RAM_TOTAL_BYTES = 7;
const RAM_AVAILABLE_BYTES = 8;
const WORKERS = 9;
const VRAM_BYTES = 10;
const RAM_BYTES = 11;
const INTERVAL_MS = 12;
const CHECK_AT_MS = 13;
const FELL_SILENT_AT_MS = 14;
/** One is spare: a power of two lies in as few lines of the cache as there can be. */
export const HIVE_FLOATS = 16;

/** When a heartbeat was written and heard. */
export interface HeartbeatTimes {
  readonly last_heartbeat_ms: number;
  readonly received_at_ms: number;
  readonly clock_skew_ms?: number | undefined;
}

/**
 * One hive inside the registry: what it last reported, and where it stands. It changes with each heartbeat and is never handed
 * out. Of numbers that it reports NaN: not reported.
 */
export class HiveRecord implements LivenessFacts, Due {
  readonly hiveId: string;
  /** In the table of hives. */
  readonly number: number;
  readonly #numbers: Records;
  bootId: string | undefined = undefined;
  hiveUrl: string | undefined = undefined;
  version: string | undefined = undefined;
  devices: readonly DeviceInfo[] | undefined = undefined;
  status: HiveStatus = "silent";
  /** Its own, and over them the operator's. */
  labels: Labels | undefined = undefined;
  /** Its workers as they stand now, if somebody was given them. To be made before they change: see {@link HiveRecord.part}. */
  list: WorkerList | undefined = undefined;
  /** Rows of its workers in the worker table, in the order in which it lists them. */
  rows: number[] = [];
  ownLabels: Labels | undefined = undefined;
  closed = false;
  goodbye = false;
  flapping = false;
  pastBoots: string[] | undefined = undefined;

  // Its place in the age index.
  bucket: AgeBucket | undefined = undefined;
  bucketPosition = 0;

  // Its place in one of the heaps of those that are due: to be doubted, or to be evicted.
  deadlinePosition = -1;

  /** @param numbers of all hives; the one of this number is its own. */
  constructor(hiveId: string, numbers: Records, number: number) {
    this.hiveId = hiveId;
    this.#numbers = numbers;
    this.number = number;
    numbers.floats.fill(0, number * HIVE_FLOATS, (number + 1) * HIVE_FLOATS);
    this.checkAtMs = Number.POSITIVE_INFINITY;
    this.fellSilentAtMs = Number.NaN;
  }

  /** Takes over what a heartbeat says. The strings of one boot stay the same from beat to beat: the first copy is kept. */
  write(from: ReportDraft, times: HeartbeatTimes, intervalMs: number): void {
    if (this.bootId !== from.boot_id) this.bootId = from.boot_id;
    if (this.hiveUrl !== from.hive_url) this.hiveUrl = from.hive_url;
    if (this.version !== from.version) this.version = from.version;
    this.devices = from.devices;
    this.ownLabels = from.labels;
    const { floats } = this.#numbers;
    const first = this.number * HIVE_FLOATS;
    floats[first + RECEIVED_AT_MS] = times.received_at_ms;
    floats[first + LAST_HEARTBEAT_MS] = times.last_heartbeat_ms;
    floats[first + CLOCK_SKEW_MS] = times.clock_skew_ms ?? Number.NaN;
    floats[first + SEQ] = from.seq;
    floats[first + TOLD_INTERVAL_MS] = from.interval_ms;
    floats[first + INTERVAL_MS] = intervalMs;
    floats[first + CPU_PERCENT] = from.cpu_percent;
    floats[first + RAM_TOTAL_BYTES] = from.ram_total_bytes;
    floats[first + RAM_AVAILABLE_BYTES] = from.ram_available_bytes;
  }

  /** Alive, and nothing changed. */
  renew(receivedAtMs: number, seq: number): void {
    const skewMs = this.clockSkewMs;
    this.#set(RECEIVED_AT_MS, receivedAtMs);
    this.#set(LAST_HEARTBEAT_MS, receivedAtMs + (Number.isNaN(skewMs) ? 0 : skewMs));
    this.#set(SEQ, seq);
  }

  /** Its workers are about to change: who was given them keeps them as they were. */
  part(): void {
    if (this.list === undefined) return;
    void this.list.workers;
    this.list = undefined;
  }

  get order(): HeartbeatOrder {
    const seq = this.seq;
    return { bootId: this.bootId, seq: Number.isNaN(seq) ? undefined : seq, timestampMs: this.lastHeartbeatMs };
  }

  get receivedAtMs(): number {
    return this.#get(RECEIVED_AT_MS);
  }

  get lastHeartbeatMs(): number {
    return this.#get(LAST_HEARTBEAT_MS);
  }

  get clockSkewMs(): number {
    return this.#get(CLOCK_SKEW_MS);
  }

  get seq(): number {
    return this.#get(SEQ);
  }

  /** As it says itself. */
  get toldIntervalMs(): number {
    return this.#get(TOLD_INTERVAL_MS);
  }

  /** To which it is held. */
  get intervalMs(): number {
    return this.#get(INTERVAL_MS);
  }

  get cpuPercent(): number {
    return this.#get(CPU_PERCENT);
  }

  get ramTotalBytes(): number {
    return this.#get(RAM_TOTAL_BYTES);
  }

  get ramAvailableBytes(): number {
    return this.#get(RAM_AVAILABLE_BYTES);
  }

  /** Sum over its workers. */
  get vramBytes(): number {
    return this.#get(VRAM_BYTES);
  }

  set vramBytes(bytes: number) {
    this.#set(VRAM_BYTES, bytes);
  }

  get ramBytes(): number {
    return this.#get(RAM_BYTES);
  }

  set ramBytes(bytes: number) {
    this.#set(RAM_BYTES, bytes);
  }

  get workerCount(): number {
    return this.#get(WORKERS);
  }

  set workerCount(count: number) {
    this.#set(WORKERS, count);
  }

  get checkAtMs(): number {
    return this.#get(CHECK_AT_MS);
  }

  set checkAtMs(ms: number) {
    this.#set(CHECK_AT_MS, ms);
  }

  /** When it was found quiet for so long that it is silent. NaN: it is not silent, or said goodbye. */
  get fellSilentAtMs(): number {
    return this.#get(FELL_SILENT_AT_MS);
  }

  set fellSilentAtMs(ms: number) {
    this.#set(FELL_SILENT_AT_MS, ms);
  }

  #get(field: number): number {
    return this.#numbers.floats[this.number * HIVE_FLOATS + field] as number;
  }

  #set(field: number, value: number): void {
    this.#numbers.floats[this.number * HIVE_FLOATS + field] = value;
  }
}
