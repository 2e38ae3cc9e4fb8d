import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HiveRegistry } from "./registry.ts";
import { FakeClock } from "./testing/builders.ts";
import { NaiveRegistry } from "./testing/naive-registry.ts";
import type { HiveHeartbeatPayload, HiveWorker, RegistryEvent, WorkerInfo } from "./types.ts";

const HIVES = ["desk", "rack", "hall", "__proto__"] as const;
const MODELS = ["llama", "qwen", "constructor"] as const;
const BACKENDS = ["cuda", "cpu", "metal"] as const;

const aWorkerInfo = (id: string): fc.Arbitrary<WorkerInfo> =>
  fc
    .record(
      {
        state: fc.constantFrom("Idle", "Idle", "Busy", "Loading"),
        health_status: fc.constantFrom("healthy", "healthy", "degraded"),
        url: fc.constant("http://127.0.0.1:9300"),
        model_id: fc.constantFrom(...MODELS),
        models: fc.array(fc.constantFrom(...MODELS), { maxLength: 3 }),
        backend: fc.constantFrom(...BACKENDS),
        gpu_percent: fc.constantFrom(0, 0, 12.5, 40, 100),
        vram_bytes: fc.integer({ min: 0, max: 1e10 }),
        slots_total: fc.integer({ min: 0, max: 4 }),
        draining: fc.boolean(),
      },
      { requiredKeys: ["state", "health_status", "url"] },
    )
    .map((fields) => ({ worker_id: id, last_heartbeat: "2025-10-21T10:00:00Z", ...fields }) as WorkerInfo);

const someWorkers = fc
  .subarray(["w1", "w2", "w3", "w4", "w5"])
  .chain((ids) => fc.shuffledSubarray(ids, { minLength: ids.length }))
  .chain((ids) => fc.tuple(...ids.map(aWorkerInfo)) as fc.Arbitrary<WorkerInfo[]>);

type Step = { readonly waitMs: number } & (
  | {
      readonly kind: "beat";
      readonly hive: string;
      readonly workers: WorkerInfo[];
      readonly lateMs: number;
      readonly boot: { boot_id: string; seq: number } | undefined;
      readonly goodbye: boolean;
      readonly interval_ms: number | undefined;
      readonly received: boolean;
    }
  | { readonly kind: "lease"; readonly hive: string; readonly boot_id: string; readonly seq: number }
  | { readonly kind: "close" | "remove"; readonly hive: string }
  | { readonly kind: "evict"; readonly ttlMs: number; readonly max: number }
);

const waitMs = fc.oneof(fc.constantFrom(0, 1, 4_999, 5_000, 12_500, 30_000), fc.integer({ min: 0, max: 40_000 }));
const boot = fc.record({ boot_id: fc.constantFrom("b1", "b2", "b3"), seq: fc.integer({ min: 0, max: 8 }) });
const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("beat" as const),
      waitMs,
      hive: fc.constantFrom(...HIVES),
      workers: someWorkers,
      lateMs: fc.oneof(fc.constant(0), fc.integer({ min: -100_000, max: 100_000 })),
      boot: fc.option(boot, { nil: undefined }),
      goodbye: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.boolean()),
      interval_ms: fc.option(fc.constantFrom(1_000, 20_000, 600_000), { nil: undefined }),
      received: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: boot.chain(({ boot_id, seq }) =>
      fc.record({
        kind: fc.constant("lease" as const),
        waitMs,
        hive: fc.constantFrom(...HIVES),
        boot_id: fc.constant(boot_id),
        seq: fc.constant(seq),
      }),
    ),
  },
  fc.record({ kind: fc.constantFrom("close" as const, "remove" as const), waitMs, hive: fc.constantFrom(...HIVES) }),
  fc.record({
    kind: fc.constant("evict" as const),
    waitMs,
    ttlMs: fc.constantFrom(0, 30_000, 300_000),
    max: fc.constantFrom(1, Number.POSITIVE_INFINITY),
  }),
);

function payloadOf(step: Step & { kind: "beat" }, clock: FakeClock): HiveHeartbeatPayload {
  return {
    hive_id: step.hive,
    timestamp: clock.iso(-step.lateMs),
    workers: step.workers,
    ...step.boot,
    ...(step.goodbye ? { goodbye: true } : {}),
    ...(step.interval_ms === undefined ? {} : { interval_ms: step.interval_ms }),
  };
}

/** Does the step to both; whether it was taken must be the same. */
function applyTo(fast: HiveRegistry, naive: NaiveRegistry, step: Step, clock: FakeClock): void {
  clock.advance(step.waitMs);
  switch (step.kind) {
    case "beat": {
      const payload = payloadOf(step, clock);
      const options = step.received ? { receivedAtMs: clock.ms } : {};
      const { accepted } = fast.updateHiveState(step.hive, payload, options);
      expect(accepted).toBe(naive.updateHiveState(step.hive, payload, options));
      return;
    }
    case "lease": {
      const lease = { hive_id: step.hive, boot_id: step.boot_id, seq: step.seq };
      expect(fast.renewLease(lease).accepted).toBe(naive.renewLease(lease));
      return;
    }
    case "close":
      fast.suspectHive(step.hive);
      naive.suspectHive(step.hive);
      return;
    case "remove":
      expect(fast.removeHive(step.hive)).toBe(naive.removeHive(step.hive));
      return;
    case "evict": {
      // Of two that were heard at the same time either may go first.
      if (step.max !== Number.POSITIVE_INFINITY) return;
      const evicted = fast.evictSilent(step.ttlMs, step.max).map(({ hive_id }) => hive_id);
      expect(evicted.sort()).toEqual(naive.evictSilent(step.ttlMs, step.max).sort());
    }
  }
}

const byId = (workers: readonly HiveWorker[]): HiveWorker[] =>
  [...workers].sort((a, b) => `${a.hive_id}/${a.worker.worker_id}`.localeCompare(`${b.hive_id}/${b.worker.worker_id}`));

function expectSameAnswers(fast: HiveRegistry, naive: NaiveRegistry): void {
  expect(fast.listAllHives().sort()).toEqual(naive.listAllHives().sort());
  expect(fast.hiveCount()).toBe(naive.listAllHives().length);
  for (const maxAgeMs of [0, 1_000, 30_000, Number.POSITIVE_INFINITY]) {
    expect(fast.listActiveHives(maxAgeMs).sort()).toEqual(naive.listActiveHives(maxAgeMs).sort());
  }
  expect(byId(fast.listAllWorkers())).toEqual(byId(naive.listAllWorkers()));
  expect(fast.totalWorkerCount()).toBe(naive.listAllWorkers().length);
  expect(byId(fast.findIdleWorkers())).toEqual(byId(naive.findIdleWorkers()));
  for (const id of HIVES) {
    const status = naive.status(id);
    const workers = naive.getWorkersOnHive(id);
    expect(fast.getHiveState(id)?.status).toBe(status);
    expect(fast.getWorkersOnHive(id)).toEqual(workers);
    expect(fast.getWorkerCount(id)).toBe(status === undefined ? undefined : workers.length);
    expect(fast.isHiveOnline(id, 30_000)).toBe(naive.listActiveHives(30_000).includes(id));
    if (status !== undefined) {
      const vram = workers.reduce((sum, { vram_bytes }) => sum + (vram_bytes ?? 0), 0) / 1e9;
      expect(fast.getAvailableResources(id)).toMatchObject({ worker_count: workers.length, vram_used_gb: vram });
    }
  }
  for (const id of ["w1", "w2", "w3", "w4", "w5", "nobody"]) {
    expect(fast.getWorker(id)).toEqual(naive.getWorker(id));
    expect(fast.getWorkerUrl(id)).toBe(naive.getWorker(id)?.worker.url);
  }
  for (const model of [...MODELS, "nothing"]) {
    expect(byId(fast.findWorkersByModel(model))).toEqual(byId(naive.findWorkersByModel(model)));
    const best = fast.findBestWorkerForModel(model);
    const allowed = naive.bestWorkersForModel(model);
    if (best === undefined) expect(allowed).toEqual([]);
    else expect(allowed).toContainEqual(best);
  }
  for (const backend of BACKENDS) {
    expect(byId(fast.findWorkersByBackend(backend))).toEqual(byId(naive.findWorkersByBackend(backend)));
  }
  expectSumsToAddUp(fast, naive);
}

function expectSumsToAddUp(fast: HiveRegistry, naive: NaiveRegistry): void {
  const workers = naive.listAllWorkers();
  const stats = fast.stats();
  const count = (state: string) => workers.filter(({ worker }) => worker.state === state).length;
  expect(stats.workers).toMatchObject({
    total: workers.length,
    idle: count("Idle"),
    busy: count("Busy"),
    loading: count("Loading"),
  });
  for (const status of ["alive", "suspect", "silent"] as const) {
    expect(stats.hives[status]).toBe(naive.listAllHives().filter((id) => naive.status(id) === status).length);
  }
  for (const backend of BACKENDS) {
    expect(stats.workers.by_backend[backend] ?? 0).toBe(naive.findWorkersByBackend(backend).length);
  }
  expect(stats.vram_used_gb).toBeCloseTo(
    workers.reduce((sum, { worker }) => sum + (worker.vram_bytes ?? 0), 0) / 1e9,
    6,
  );
  const models = new Map(fast.models().map((summary) => [summary.model, summary]));
  for (const model of MODELS) {
    const having = naive.findWorkersByModel(model);
    const ready = having.filter(
      ({ hive_id, worker }) =>
        worker.state === "Idle" &&
        worker.url !== undefined &&
        worker.draining !== true &&
        naive.status(hive_id) === "alive",
    );
    const summary = models.get(model);
    expect(summary?.workers ?? 0).toBe(having.length);
    expect(summary?.hives ?? 0).toBe(new Set(having.map(({ hive_id }) => hive_id)).size);
    expect(summary?.idle_workers ?? 0).toBe(ready.length);
    expect(summary?.slots_free ?? 0).toBe(ready.reduce((sum, { worker }) => sum + (worker.slots_total ?? 1), 0));
  }
}

describe("whatever happens to the fleet", () => {
  test("the indexed registry answers like a list and a filter", () => {
    fc.assert(
      fc.property(fc.array(aStep, { minLength: 1, maxLength: 40, size: "max" }), (steps) => {
        const clock = new FakeClock();
        const fast = new HiveRegistry({ now: clock.now });
        const naive = new NaiveRegistry({ now: clock.now });
        for (const step of steps) {
          applyTo(fast, naive, step, clock);
          expectSameAnswers(fast, naive);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("a replica that follows the changes knows what the original knows", () => {
    fc.assert(
      fc.property(
        fc.array(aStep, { minLength: 1, maxLength: 40, size: "max" }),
        fc.nat(40),
        fc.integer({ min: -1e9, max: 1e9 }),
        (steps, joinAt, skewMs) => {
          const clock = new FakeClock();
          const original = new HiveRegistry({ now: clock.now });
          const naive = new NaiveRegistry({ now: clock.now });
          const replica = new HiveRegistry({ now: () => clock.ms + skewMs });
          const changes: RegistryEvent[] = [];
          original.subscribe((event) => changes.push(overTheWire(event)));
          for (const [at, step] of steps.entries()) {
            if (at === joinAt) {
              changes.length = 0;
              replica.apply(overTheWire(original.snapshot()));
            }
            applyTo(original, naive, step, clock);
            original.tick();
          }
          if (joinAt >= steps.length) replica.apply(overTheWire(original.snapshot()));
          else for (const change of changes) replica.apply(change);
          expect(inOrder(replica.snapshot())).toEqual(inOrder(original.snapshot()));
          expect(replica.stats()).toEqual(original.stats());
          expect(replica.listActiveHives(30_000).sort()).toEqual(original.listActiveHives(30_000).sort());
          for (const change of changes) replica.apply(change);
          expect(inOrder(replica.snapshot())).toEqual(inOrder(original.snapshot()));
        },
      ),
      { numRuns: 100 },
    );
  });

  test("a refused or broken heartbeat changes nothing at all", () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 10 }), fc.nat(4), (steps, brokenAt) => {
        const clock = new FakeClock();
        const fast = new HiveRegistry({ now: clock.now });
        const naive = new NaiveRegistry({ now: clock.now });
        for (const step of steps) applyTo(fast, naive, step, clock);
        const before = fast.snapshot();
        const workers = [..."abcde"].map((id, at) => ({
          ...{ worker_id: id, state: "Idle", last_heartbeat: "", health_status: "healthy", url: "http://x" },
          ...(at === brokenAt ? { gpu_percent: Number.NaN } : {}),
        })) as WorkerInfo[];
        const payload = { hive_id: "desk", timestamp: clock.iso(1e6), workers };
        expect(() => fast.updateHiveState("desk", payload)).toThrow(TypeError);
        expect(fast.snapshot()).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });
});

const overTheWire = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

const inOrder = ({ hives, ...rest }: ReturnType<HiveRegistry["snapshot"]>) =>
  overTheWire({ ...rest, hives: [...hives].sort((a, b) => a.report.hive_id.localeCompare(b.report.hive_id)) });
