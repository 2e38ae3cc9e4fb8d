import fc from "fast-check";
import { expect, test } from "vitest";
import { HiveRegistry } from "../registry.ts";
import { aHeartbeat, aWorker, FakeClock } from "../testing/builders.ts";
import { chanceFrom } from "../testing/chance.ts";
import type { WorkerInfo } from "../types.ts";
import { OUTCOMES, POLICIES, type Reservation } from "./types.ts";

const STEPS = 100_000;
const HIVES = 12;
const WORKERS = 4;
const SLOTS = 4;

/** A fleet to which everything happens that makes counts drift elsewhere, by chance. */
class Fleet {
  readonly clock = new FakeClock();
  readonly registry: HiveRegistry;
  readonly held: Reservation[] = [];
  readonly #chance: () => number;
  #seq = 0;

  constructor(seed: number) {
    this.#chance = chanceFrom(seed);
    this.registry = new HiveRegistry({ now: this.clock.now, random: this.#chance, aliases: { any: ["a", "b"] } });
  }

  below(limit: number): number {
    return Math.floor(this.#chance() * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  step(): void {
    const dice = this.#chance();
    if (dice < 0.45) this.reserve();
    else if (dice < 0.8) this.release();
    else if (dice < 0.97) this.beat(`hive-${this.below(HIVES)}`);
    else if (dice < 0.98) this.clock.advance(this.below(3_000));
    else if (dice < 0.985) this.registry.suspectHive(`hive-${this.below(HIVES)}`);
    else if (dice < 0.99) this.registry.removeHive(`hive-${this.below(HIVES)}`);
    else this.clock.advance(this.below(50));
  }

  reserve(): void {
    const reservation = this.registry.reserve({
      model: this.pick(["a", "b", "any", "A:latest"]),
      policy: this.pick(POLICIES),
      session: `session-${this.below(50)}`,
      prefix_key: `prompt ${this.below(50)} `.repeat(20),
      ttl_ms: this.pick([20, 2_000, 600_000]),
      ...(this.below(4) === 0 ? { backend: this.pick(["cuda", "cpu"]) } : undefined),
      ...(this.below(8) === 0 ? { labels: { zone: this.pick(["eu", "us"]) } } : undefined),
    });
    if (reservation !== undefined) this.held.push(reservation);
  }

  release(): void {
    if (this.held.length === 0) return;
    const at = this.below(this.held.length);
    const reservation = this.held[at] as Reservation;
    // Some are given back twice, and some are left to their time.
    if (this.below(10) !== 0) this.held[at] = this.held.pop() as Reservation;
    if (this.below(10) !== 0) reservation.release(this.pick(OUTCOMES));
    if (this.held.length > 5_000) this.held.length = 0;
  }

  beat(hive_id: string): void {
    const workers = Array.from({ length: 1 + this.below(WORKERS) }, (_, at) => this.worker(hive_id, at));
    this.report(hive_id, workers);
  }

  worker(hive_id: string, at: number): WorkerInfo {
    const last = this.held.at(-1 - this.below(20));
    const isIts = last?.hive_id === hive_id && last.worker.worker_id === `w${at}`;
    return aWorker({
      ...{ worker_id: `w${at}`, model_id: this.pick(["a", "b", "a"]), backend: this.pick(["cuda", "cpu"]) },
      ...{ slots_total: SLOTS, slots_busy: this.below(SLOTS + 1), gpu_percent: this.below(101) },
      state: this.pick(["Idle", "Idle", "Busy", "Loading"] as const),
      ...(isIts ? { last_reservation: last.reservation_id } : undefined),
    });
  }

  report(hive_id: string, workers: readonly WorkerInfo[]): void {
    const boot_id = `boot-${Math.floor(this.#seq / 5_000)}`;
    const heartbeat = aHeartbeat({
      hive_id,
      workers,
      boot_id,
      seq: ++this.#seq,
      labels: { zone: this.pick(["eu", "us"]) },
    });
    this.registry.updateHiveState(hive_id, heartbeat, { receivedAtMs: this.clock.ms });
  }
}

test("after a hundred thousand steps of requests, hang-ups, deaths and heartbeats every count is 0 again, and every slot can be had", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const fleet = new Fleet(seed);
      const all: Reservation[] = [];
      for (let step = 0; step < STEPS; step++) {
        fleet.step();
        const [latest] = fleet.held.slice(-1);
        if (latest !== undefined && latest !== all.at(-1)) all.push(latest);
      }
      expect(all.length).toBeGreaterThan(1_000);
      for (const reservation of all) reservation.release();
      fleet.clock.advance(3_600_000);
      expect(fleet.registry.reservationCount()).toBe(0);

      fleet.clock.advance(1);
      const idle = { model_id: "a", slots_total: SLOTS, gpu_percent: 0 };
      for (let hive = 0; hive < HIVES; hive++) {
        const workers = Array.from({ length: WORKERS }, (_, at) => aWorker({ worker_id: `w${at}`, ...idle }));
        fleet.report(`hive-${hive}`, workers);
      }
      // Who is set aside by now shows that it works.
      for (let tries = 0; fleet.registry.stats().workers.set_aside > 0 && tries < HIVES * WORKERS; tries++) {
        fleet.clock.advance(1);
        for (const { reason, ...one } of fleet.registry.explain({ model: "a" }).candidates) {
          if (one.set_aside_until_ms === undefined || reason === "set_aside") continue;
          const others = fleet.registry
            .getWorkersOnHive(one.hive_id)
            .filter((other) => other.worker_id !== one.worker_id);
          const exclude = others.map(({ worker_id }) => worker_id);
          fleet.registry.reserve({ model: "a", hive_id: one.hive_id, exclude })?.release("ok");
        }
      }
      const { candidates, left_out } = fleet.registry.explain({ model: "a" });
      expect([candidates.length, left_out]).toEqual([HIVES * WORKERS, 0]);
      expect(candidates.filter(({ requests, slots }) => requests !== 0 || slots !== SLOTS)).toEqual([]);
      const places = Array.from({ length: HIVES * WORKERS * SLOTS }, () => fleet.registry.reserve({ model: "a" }));
      expect(places.filter((place) => place === undefined)).toEqual([]);
      expect(fleet.registry.reserve({ model: "a" })).toBeUndefined();
    }),
    { numRuns: 2 },
  );
}, 120_000);
