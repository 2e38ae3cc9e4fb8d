import { HiveRegistry, type HiveRegistryOptions } from "../registry.ts";
import type { RegistryEvent } from "../types.ts";
import { aHeartbeat, aWorker, FakeClock } from "./builders.ts";

/** How often its owner lets time in, ms. */
const TICK_MS = 250;
const BEAT_MS = 5_000;

/** A fleet of which each hive beats every 5 s as long as nobody takes it away, and a registry that is looked after as in a queen. */
export class BeatingFleet {
  readonly clock: FakeClock = new FakeClock();
  readonly registry: HiveRegistry;
  /** What was published, without heartbeats and leases. */
  readonly events: RegistryEvent[] = [];
  readonly #beating: Map<string, number> = new Map();
  #seq = 0;

  constructor(hives: number, options: HiveRegistryOptions = {}) {
    const { brakes, ...others } = options;
    this.registry = new HiveRegistry({ now: this.clock.now, brakes: { tickMs: TICK_MS, ...brakes }, ...others });
    this.registry.subscribe((event) => this.events.push(event), { heartbeats: false });
    for (let at = 0; at < hives; at++) {
      this.#beating.set(`hive-${at}`, 0);
      this.beat(`hive-${at}`);
    }
  }

  beat(hiveId: string, fields: Parameters<typeof aHeartbeat>[0] = {}): void {
    const payload = aHeartbeat({
      ...{ hive_id: hiveId, boot_id: "boot", seq: ++this.#seq, interval_ms: BEAT_MS, timestamp: this.clock.iso() },
      workers: [aWorker({ worker_id: `of-${hiveId}`, model_id: "m" })],
      ...fields,
    });
    this.registry.updateHiveState(hiveId, payload, { receivedAtMs: this.clock.now() });
    this.#beating.set(hiveId, this.clock.now());
  }

  /** From now on nothing is heard of these. */
  silence(from: number, to: number): void {
    for (let at = from; at < to; at++) this.#beating.delete(`hive-${at}`);
  }

  /** They beat again, at once. */
  revive(from: number, to: number): void {
    for (let at = from; at < to; at++) this.beat(`hive-${at}`);
  }

  /** Time passes; hives beat, and the registry's owner does what it promised. */
  pass(ms: number): void {
    for (const endMs = this.clock.ms + ms; this.clock.ms < endMs; ) {
      this.clock.advance(Math.min(TICK_MS, endMs - this.clock.ms));
      this.registry.tick();
      for (const [hiveId, atMs] of this.#beating) if (this.clock.ms - atMs >= BEAT_MS) this.beat(hiveId);
      this.registry.sweep();
    }
  }

  /** The process of the registry is stopped; the hives are not, and nobody hears them. */
  standStill(ms: number): void {
    this.clock.advance(ms);
  }

  happened(type: RegistryEvent["type"]): RegistryEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}
