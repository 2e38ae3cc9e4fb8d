import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HiveRegistry } from "../registry.ts";
import { aHeartbeat, aWorker, FakeClock } from "../testing/builders.ts";
import { chanceFrom } from "../testing/chance.ts";
import { NaiveScheduler } from "../testing/naive-scheduler.ts";
import type { Labels, WorkerInfo } from "../types.ts";
import { OUTCOMES, type Outcome, POLICIES, type Reservation, type ReserveRequest } from "./types.ts";

const HIVES = ["desk", "rack"] as const;
const MODELS = ["llama", "qwen", "Org/LLaMa:latest"] as const;
const ALIASES = { fast: ["qwen", "gone"], any: ["llama", "qwen"], llama: ["qwen"] };
const LABELS = [{}, { zone: "eu" }, { zone: "eu", tier: "spot" }, { zone: "us" }] as const;
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
    model: rarely<string>("llama", fc.constantFrom("qwen", "nothing", "LLAMA", "fast", "any")),
    policy: fc.constantFrom(...POLICIES, undefined),
    backend: rarely<string | undefined>(undefined, fc.constantFrom("cuda", "cpu", "metal")),
    hive_id: rarely<string | undefined>(undefined, fc.constantFrom(...HIVES, "nowhere")),
    exclude: rarely<string[] | undefined>(undefined, fc.subarray([...WORKERS])),
    labels: rarely<Labels | undefined>(undefined, fc.constantFrom(...LABELS)),
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
      labels: fc.constantFrom(...LABELS),
      restarted: rarely(false, fc.constant(true)),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("reserve" as const), request: aRequest }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("release" as const),
      which: fc.nat(20),
      outcome: fc.constantFrom(...OUTCOMES),
    }),
  },
  // The latest one at once: a worker that fails what it is given.
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fail" as const), request: aRequest }) },
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 500, 1_000, 2_000, 13_000, 61_000) }),
  fc.record({ do: fc.constant("label" as const), hive: fc.constantFrom(...HIVES), labels: fc.constantFrom(...LABELS) }),
  fc.record({ do: fc.constantFrom("close" as const, "remove" as const), hive: fc.constantFrom(...HIVES) }),
);

type Step = typeof aStep extends fc.Arbitrary<infer Each> ? Each : never;

/** A registry and its twin, to which the same happens. */
class Story {
  readonly clock = new FakeClock();
  readonly registry: HiveRegistry = new HiveRegistry({ now: this.clock.now, random: chanceFrom(7), aliases: ALIASES });
  readonly naive: NaiveScheduler = new NaiveScheduler(ALIASES);
  readonly made: Reservation[] = [];
  #seq = 0;
  #boot = 0;

  beat(hive_id: string, workers: readonly WorkerInfo[], how: Partial<Step & { do: "beat" }> = {}): void {
    this.clock.advance(how.afterMs ?? 1);
    const last = how.echo === undefined ? undefined : this.made.at(-1 - how.echo);
    const echoing = workers.map((worker) =>
      last !== undefined && last.hive_id === hive_id && last.worker.worker_id === worker.worker_id
        ? { ...worker, last_reservation: last.reservation_id }
        : worker,
    );
    if (how.restarted === true) this.#boot++;
    const hive = { boot_id: `boot-${this.#boot}`, labels: how.labels ?? {} };
    this.naive.expire(this.clock.ms);
    this.naive.report(hive_id, echoing, { atMs: this.clock.ms, ...hive });
    const heartbeat = aHeartbeat({ hive_id, workers: echoing, ...hive, seq: ++this.#seq });
    expect(this.registry.updateHiveState(hive_id, heartbeat, { receivedAtMs: this.clock.ms }).accepted).toBe(true);
  }

  reserve(request: ReserveRequest): Reservation | undefined {
    this.naive.expire(this.clock.ms);
    const isAlive = (id: string) => this.registry.getHiveState(id)?.status === "alive";
    const allowed = this.naive.allowed(request, isAlive, this.clock.ms);
    expect([...this.registry.resolveModels(request.model)].sort()).toEqual(this.naive.meant(request.model).sort());
    const reservation = this.registry.reserve(request);
    if (reservation === undefined) {
      expect(allowed).toEqual([]);
      return undefined;
    }
    const { hive_id, worker, model, created_at_ms, expires_at_ms } = reservation;
    const chosen = allowed.find((each) => each.hive_id === hive_id && each.worker.worker_id === worker.worker_id);
    expect(chosen?.worker).toEqual(worker);
    expect(chosen?.models).toContain(model);
    const policy = request.policy ?? "best";
    if (policy === "best") expect(chosen?.used).toBe(Math.min(...allowed.map(({ used }) => used)));
    if (policy === "least-load") expect(chosen?.load).toBe(Math.min(...allowed.map(({ load }) => load)));
    // A degraded one only where nobody else is.
    if (allowed.some(({ load }) => load < 1e6) && policy !== "prefix") expect(chosen?.load).toBeLessThan(1e6);
    this.made.push(reservation);
    const { reservation_id: id } = reservation;
    const times = { createdAtMs: created_at_ms, expiresAtMs: expires_at_ms };
    this.naive.take({ id, hive_id, worker_id: worker.worker_id, ...times });
    return reservation;
  }

  release(which: number, outcome: Outcome): void {
    const reservation = this.made[which % Math.max(1, this.made.length)];
    if (reservation === undefined) return;
    this.naive.expire(this.clock.ms);
    this.registry.tick();
    const { reservation_id } = reservation;
    expect(this.registry.release(reservation_id, outcome)).toBe(
      this.naive.release(reservation_id, outcome, this.clock.ms),
    );
  }

  happens(step: Step): void {
    if (step.do === "beat") this.beat(step.hive, step.workers, step);
    else if (step.do === "reserve") this.reserve(step.request);
    else if (step.do === "fail") {
      if (this.reserve(step.request) !== undefined) this.release(this.made.length - 1, "error");
    } else if (step.do === "release") this.release(step.which, step.outcome);
    else if (step.do === "wait") this.clock.advance(step.ms);
    else if (step.do === "close") this.registry.suspectHive(step.hive);
    else if (step.do === "label") {
      this.registry.labelHive(step.hive, step.labels);
      this.naive.label(step.hive, step.labels);
    } else {
      this.registry.removeHive(step.hive);
      this.naive.removeHive(step.hive);
    }
    this.naive.expire(this.clock.ms);
    expect(this.registry.reservationCount()).toBe(this.naive.active);
    expect(this.registry.stats().workers.set_aside).toBe(this.naive.breaker.size);
  }
}

/** Two machines that are there from the start, and what happens then: long stories, for the counts must not drift. */
const aStory = fc.tuple(someWorkers, someWorkers, fc.array(aStep, { minLength: 1, maxLength: 80, size: "max" }));

function tell([desk, rack, steps]: readonly [WorkerInfo[], WorkerInfo[], Step[]]): Story {
  const story = new Story();
  story.beat("desk", desk);
  story.beat("rack", rack);
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
