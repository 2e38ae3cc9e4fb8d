import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aFleet } from "../testing/a-fleet.ts";
import { chanceFrom } from "../testing/chance.ts";
import type { WorkerInfo } from "../types.ts";
import { CANDIDATES_MAX } from "./explain.ts";
import { type ExplainLook, POLICIES, type Reason, type ReserveRequest } from "./types.ts";

describe("an explanation", () => {
  test("names the chosen one first, then those it outscored with their scores, best first", () => {
    const { clock, registry, report } = aFleet();
    report({ slots_total: 4, slots_busy: 3 }, { slots_total: 4, slots_busy: 1 }, { slots_total: 4, slots_busy: 2 });
    expect(registry.explain({ model: "m" })).toEqual({
      ...{ policy: "best", model: "m", resolved: ["m"], left_out: 0 },
      chosen: { hive_id: "localhost", worker_id: "w1", model: "m" },
      candidates: [
        { ...one("w1"), score: 25, load: 0.25, requests: 1, slots: 4 },
        { ...one("w2"), score: 50, load: 0.5, requests: 2, slots: 4, reason: "outscored" },
        { ...one("w0"), score: 75, load: 0.75, requests: 3, slots: 4, reason: "outscored" },
      ],
    });
    expect(clock.ms).toBeGreaterThan(0);
  });

  const one = (worker_id: string) => ({ hive_id: "localhost", worker_id, url: "http://127.0.0.1:9300", model: "m" });

  test.each<[Reason, Partial<WorkerInfo>, Partial<ReserveRequest>]>([
    ["loading", { state: "Loading" }, {}],
    ["draining", { draining: true }, {}],
    ["no_room", { slots_total: 2, slots_busy: 2 }, {}],
    ["no_room", { state: "Busy" }, {}],
    ["other_backend", { backend: "cpu" }, { backend: "cuda" }],
    ["other_label", {}, { labels: { zone: "eu" } }],
    ["other_hive", {}, { hive_id: "elsewhere" }],
    ["excluded", {}, { exclude: ["w0"] }],
  ])("says %s where that is why", (reason, fields, request) => {
    const { registry, report } = aFleet();
    report(fields);
    const explained = registry.explain({ model: "m", ...request });
    expect(explained.candidates).toMatchObject([{ worker_id: "w0", reason }]);
    expect(explained.candidates[0]).not.toHaveProperty("score");
    expect(explained).not.toHaveProperty("chosen");
  });

  test("says where a URL is missing, and what became of the hive", () => {
    const { clock, registry, report, reportFrom } = aFleet();
    const { url: _, ...nowhere } = { url: undefined, worker_id: "w0", model_id: "m" };
    reportFrom({ hive_id: "a" }, Object.defineProperty({ ...nowhere }, "url", { value: undefined, enumerable: true }));
    report({});
    const reasons = () => registry.explain({ model: "m" }).candidates.map(({ reason }) => reason);
    expect(reasons()).toEqual([undefined, "no_url"]);
    registry.suspectHive("localhost");
    expect(reasons()).toEqual(["hive_suspect", "no_url"]);
    clock.advance(30_000);
    expect(reasons()).toEqual(["hive_silent", "no_url"]);
  });

  test("says until when a worker is set aside", () => {
    const { clock, registry, report, reserve } = aFleet();
    report({});
    reserve()?.release("error");
    const [candidate] = registry.explain({ model: "m" }).candidates;
    expect(candidate).toMatchObject({ reason: "set_aside", set_aside_until_ms: clock.ms + 1_000 });
  });

  test("has every model that the name means, and each worker's own name for it", () => {
    const { registry, report } = aFleet({ aliases: { fast: ["a", "b"] } });
    report({ model_id: "a", gpu_percent: 80 }, { model_id: "b", gpu_percent: 10 });
    const { resolved, chosen, candidates } = registry.explain({ model: "fast" });
    expect([resolved, chosen?.model]).toEqual([["a", "b"], "b"]);
    expect(candidates.map(({ model }) => model)).toEqual(["b", "a"]);
    expect(registry.explain({ model: "nothing" })).toMatchObject({ resolved: [], candidates: [], left_out: 0 });
  });

  test("lists a hundred and counts the rest", () => {
    const { registry, report } = aFleet();
    report(...Array.from({ length: CANDIDATES_MAX + 7 }, (_, at) => ({ gpu_percent: at % 100 })));
    const { candidates, left_out } = registry.explain({ model: "m" });
    expect([candidates.length, left_out]).toEqual([CANDIDATES_MAX, 7]);
    expect(candidates.map(({ score }) => score)).toEqual(candidates.map(({ score }) => score).toSorted(ascending));
  });
});

const ascending = (a = 0, b = 0): number => a - b;

const aWorkerOf: fc.Arbitrary<Partial<WorkerInfo>> = fc.record(
  {
    model_id: fc.constantFrom("m", "M:latest"),
    state: fc.constantFrom("Idle" as const, "Idle" as const, "Busy" as const, "Loading" as const),
    health_status: fc.constantFrom("healthy" as const, "healthy" as const, "degraded" as const),
    gpu_percent: fc.constantFrom(0, 40, 100),
    slots_total: fc.integer({ min: 0, max: 3 }),
    slots_busy: fc.integer({ min: 0, max: 2 }),
    backend: fc.constantFrom("cuda", "cpu"),
  },
  { requiredKeys: [] },
);

const aRequest: fc.Arbitrary<Partial<ReserveRequest>> = fc.record(
  {
    model: fc.constantFrom("m", "org/M"),
    policy: fc.constantFrom(...POLICIES),
    backend: fc.constantFrom("cuda", "cpu"),
    exclude: fc.subarray(["w0", "w1"]),
    session: fc.constantFrom("alice", "bob"),
    prefix_key: fc.constantFrom("You are", "x".repeat(300)),
  },
  { requiredKeys: [] },
);

describe("of a large model", () => {
  test("as many are looked at and listed as is asked for, beside the chosen one, from where it is asked on and around", () => {
    const { registry, report } = aFleet();
    // The last one is the best.
    report(...Array.from({ length: 10 }, (_, at) => ({ slots_total: 20, slots_busy: 10 - at })));
    const listed = (look: ExplainLook) => {
      const { candidates, left_out, chosen } = registry.explain({ model: "m" }, look);
      expect(chosen?.worker_id).toBe("w9");
      expect(candidates[0]?.worker_id).toBe("w9");
      expect(candidates.length + left_out).toBe(10);
      return candidates
        .slice(1)
        .map(({ worker_id }) => worker_id)
        .toSorted();
    };
    expect(listed({ lookedAtMax: 3 })).toHaveLength(2);
    expect(listed({ candidatesMax: 4 })).toHaveLength(3);
    const seen = new Set<string>();
    for (let from = 0; from < 30; from += 3) for (const id of listed({ lookedAtMax: 4, from })) seen.add(id);
    expect(seen.size).toBe(9);
    expect(listed({ lookedAtMax: 1_000_000, candidatesMax: 1_000_000 })).toHaveLength(9);
  });

  test("also of several models that one name means", () => {
    const { registry, report } = aFleet({ aliases: { both: ["m", "n"] } });
    report({}, {}, { model_id: "n" }, { model_id: "n" });
    const seen = new Set<string>();
    for (let from = 0; from < 4; from++)
      for (const { worker_id } of registry.explain({ model: "both" }, { lookedAtMax: 2, from }).candidates)
        seen.add(worker_id);
    expect([...seen].toSorted()).toEqual(["w0", "w1", "w2", "w3"]);
  });
});

describe("whatever is asked", () => {
  test("explaining changes nothing: what follows is the same with it and without it, and it names whom reserve takes", () => {
    const asks = fc.array(fc.tuple(aRequest, fc.constantFrom("ok", "error", "keep")), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(aWorkerOf, { minLength: 1, maxLength: 5 }), asks, (workers, requests) => {
        const [explained, plain] = [aFleet({ random: chanceFrom(7) }), aFleet({ random: chanceFrom(7) })];
        explained.report(...workers);
        plain.report(...workers);
        for (const [request, outcome] of requests) {
          const asked = { model: "m", ...request };
          const told = explained.registry.explain(asked);
          const before = explained.registry.stats();
          expect(explained.registry.explain(asked)).toEqual(told);
          expect(explained.registry.stats()).toEqual(before);
          const [taken, other] = [explained.reserve(request), plain.reserve(request)];
          expect(taken?.worker).toEqual(other?.worker);
          if (request.policy !== "power-of-two") expect(told.chosen?.worker_id).toBe(taken?.worker.worker_id);
          expect(told.chosen === undefined).toBe(taken === undefined);
          expect(told.candidates.filter(({ reason }) => reason === undefined)).toHaveLength(
            taken === undefined ? 0 : 1,
          );
          if (outcome === "keep") continue;
          taken?.release(outcome === "ok" ? "ok" : "error");
          other?.release(outcome === "ok" ? "ok" : "error");
          for (const { clock } of [explained, plain]) clock.advance(300);
        }
      }),
      { numRuns: 300 },
    );
  });
});
