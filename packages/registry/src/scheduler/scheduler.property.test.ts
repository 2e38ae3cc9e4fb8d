import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HiveRegistry } from "../registry.ts";
import { aHeartbeat, aWorker, FakeClock } from "../testing/builders.ts";
import { NaiveScheduler } from "../testing/naive-scheduler.ts";
import type { WorkerInfo } from "../types.ts";
import { POLICIES, type Reservation, type ReserveRequest } from "./types.ts";

const HIVES = ["desk", "rack"] as const;
const MODELS = ["llama", "qwen"] as const;
const WORKERS = ["w1", "w2", "w3"] as const;

/** Mostly the first: rare things must not hide what is common. */
const rarely = <T>(usual: T, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: rare });

const someWorkers = fc.subarray([...WORKERS], { minLength: 1 }).chain(
  (ids) =>
    fc.tuple(
      ...ids.map((worker_id) =>
        fc
          .record(
            {
              state: rarely<string>("Idle", fc.constantFrom("Busy", "Loading")),
              health_status: rarely<string>("healthy", fc.constant("degraded")),
              url: fc.constant("http://127.0.0.1:9300"),
              model_id: fc.constantFrom(...MODELS),
              models: fc.subarray([...MODELS]),
              backend: fc.constantFrom("cuda", "cpu"),
              gpu_percent: fc.constantFrom(0, 30, 100),
              slots_total: fc.integer({ min: 0, max: 3 }),
              slots_busy: fc.integer({ min: 0, max: 3 }),
              queue_depth: fc.integer({ min: 0, max: 2 }),
              draining: fc.boolean(),
            },
            { requiredKeys: ["state", "health_status"] },
          )
          .map((fields) => aWorker({ worker_id, ...fields } as Partial<WorkerInfo>)),
      ),
    ) as unknown as fc.Arbitrary<WorkerInfo[]>,
);

const aRequest: fc.Arbitrary<ReserveRequest> = fc
  .record({
    model: rarely<string>("llama", fc.constantFrom("qwen", "nothing")),
    policy: fc.constantFrom(...POLICIES, undefined),
    backend: rarely<string | undefined>(undefined, fc.constantFrom("cuda", "cpu", "metal")),
    hive_id: rarely<string | undefined>(undefined, fc.constantFrom(...HIVES, "nowhere")),
    exclude: rarely<string[] | undefined>(undefined, fc.subarray([...WORKERS])),
    session: fc.constantFrom("alice", "bob", undefined),
    prefix_key: fc.constantFrom("You are a helpful", "x".repeat(500), undefined),
    ttl_ms: rarely<number | undefined>(undefined, fc.constantFrom(1_000, 60_000)),
  })
  .map((request) => JSON.parse(JSON.stringify(request)) as ReserveRequest);

const aStep = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("beat" as const),
      hive: fc.constantFrom(...HIVES),
      workers: someWorkers,
      /** Whether the workers name the last of our reservations, and which. */
      echo: fc.option(fc.nat(5), { nil: undefined }),
      afterMs: fc.nat(1),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("reserve" as const), request: aRequest }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("release" as const), which: fc.nat(20) }) },
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 500, 13_000, 61_000) }),
  fc.record({ do: fc.constantFrom("close" as const, "remove" as const), hive: fc.constantFrom(...HIVES) }),
);

type Step = typeof aStep extends fc.Arbitrary<infer Each> ? Each : never;

/** A registry and its twin, to which the same happens. */
class Story {
  readonly clock = new FakeClock();
  readonly registry: HiveRegistry = new HiveRegistry({ now: this.clock.now, random: mulberry(7) });
  readonly naive: NaiveScheduler = new NaiveScheduler();
  readonly made: Reservation[] = [];
  #seq = 0;

  beat(hive_id: string, workers: readonly WorkerInfo[], echo: number | undefined, afterMs: number): void {
    this.clock.advance(afterMs);
    const last = echo === undefined ? undefined : this.made.at(-1 - echo);
    const echoing = workers.map((worker) =>
      last !== undefined && last.hive_id === hive_id && last.worker.worker_id === worker.worker_id
        ? { ...worker, last_reservation: last.reservation_id }
        : worker,
    );
    this.naive.expire(this.clock.ms);
    this.naive.report(hive_id, echoing, this.clock.ms);
    const heartbeat = aHeartbeat({ hive_id, workers: echoing, boot_id: "b", seq: ++this.#seq });
    expect(this.registry.updateHiveState(hive_id, heartbeat, { receivedAtMs: this.clock.ms }).accepted).toBe(true);
  }

  reserve(request: ReserveRequest): void {
    this.naive.expire(this.clock.ms);
    const isAlive = (id: string) => this.registry.getHiveState(id)?.status === "alive";
    const allowed = this.naive.withRoom(request, isAlive);
    const reservation = this.registry.reserve(request);
    if (reservation === undefined) {
      expect(allowed).toEqual([]);
      return;
    }
    const { hive_id, worker, created_at_ms, expires_at_ms } = reservation;
    const chosen = allowed.find((each) => each.hive_id === hive_id && each.worker.worker_id === worker.worker_id);
    expect(chosen?.worker).toEqual(worker);
    const policy = request.policy ?? "best";
    if (policy === "best" || request.hive_id !== undefined) {
      expect(chosen?.used).toBe(Math.min(...allowed.map(({ used }) => used)));
    } else if (policy === "least-load") {
      expect(chosen?.load).toBe(Math.min(...allowed.map(({ load }) => load)));
    }
    this.made.push(reservation);
    const { reservation_id: id } = reservation;
    this.naive.take({
      id,
      hive_id,
      worker_id: worker.worker_id,
      createdAtMs: created_at_ms,
      expiresAtMs: expires_at_ms,
    });
  }

  release(which: number): void {
    const reservation = this.made[which % Math.max(1, this.made.length)];
    if (reservation === undefined) return;
    this.naive.expire(this.clock.ms);
    this.registry.tick();
    expect(this.registry.release(reservation.reservation_id)).toBe(this.naive.release(reservation.reservation_id));
  }

  happens(step: Step): void {
    if (step.do === "beat") this.beat(step.hive, step.workers, step.echo, step.afterMs);
    else if (step.do === "reserve") this.reserve(step.request);
    else if (step.do === "release") this.release(step.which);
    else if (step.do === "wait") this.clock.advance(step.ms);
    else if (step.do === "close") this.registry.suspectHive(step.hive);
    else {
      this.registry.removeHive(step.hive);
      this.naive.removeHive(step.hive);
    }
    this.naive.expire(this.clock.ms);
    expect(this.registry.reservationCount()).toBe(this.naive.active);
  }
}

/** Two machines that are there from the start, and what happens then: long stories, for the counts must not drift. */
const aStory = fc.tuple(someWorkers, someWorkers, fc.array(aStep, { minLength: 1, maxLength: 80, size: "max" }));

function tell([desk, rack, steps]: readonly [WorkerInfo[], WorkerInfo[], Step[]]): Story {
  const story = new Story();
  story.beat("desk", desk, undefined, 1);
  story.beat("rack", rack, undefined, 1);
  for (const step of steps) story.happens(step);
  return story;
}

describe("whatever is reserved, released, reported or lost", () => {
  test("the scheduler chooses as the rules say, and counts as they do", () => {
    fc.assert(
      fc.property(aStory, (steps) => void tell(steps)),
      { numRuns: 500 },
    );
  });

  test("when everything has ended, nothing is left of it", () => {
    fc.assert(
      fc.property(aStory, (steps) => {
        const story = tell(steps);
        for (const { reservation_id } of story.made) story.registry.release(reservation_id);
        for (const { reservation_id } of story.made) expect(story.registry.release(reservation_id)).toBe(false);
        expect(story.registry.reservationCount()).toBe(0);
        for (const hive of HIVES) story.registry.removeHive(hive);
        story.clock.advance(1);
        const idle = aWorker({ worker_id: "fresh", model_id: "llama", slots_total: 3 });
        story.registry.updateHiveState("new", aHeartbeat({ hive_id: "new", workers: [idle] }), {
          receivedAtMs: story.clock.ms,
        });
        for (let place = 0; place < 3; place++) expect(story.registry.reserve({ model: "llama" })).toBeDefined();
        expect(story.registry.reserve({ model: "llama" })).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});

/** Chance from a seed, 0 to 1. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
