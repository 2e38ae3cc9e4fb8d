import {
  ClientError,
  type HiveStatus,
  type HiveWorker,
  type RouteReply,
  type WorkersQuery,
} from "@hive-registry/client";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aHive, aModel, aPage, aWorker, each, on } from "../testing/fakes.ts";
import { rank } from "./ranking.ts";
import { route } from "./route.ts";

const alive = () => "alive" as const;

describe("the ranking", () => {
  test("a loaded model counts most, then health, then GPU use; an unknown use counts as 100 %", () => {
    const ranked = rank(
      [
        on("h", { worker_id: "other-idle", model_id: "x", gpu_percent: 0 }),
        on("h", { worker_id: "degraded", gpu_percent: 1, health_status: "degraded" }),
        on("h", { worker_id: "unknown" }),
        on("h", { worker_id: "half", gpu_percent: 50 }),
        on("h", { worker_id: "serves-many", model_id: "x", models: ["x", "m"], gpu_percent: 20 }),
      ].map((one) => (one.worker.model_id === "llama-3-8b" ? on("h", { ...one.worker, model_id: "m" }) : one)),
      "m",
      alive,
    );
    expect(ranked.map(({ worker, score }) => [worker.worker_id, score])).toEqual([
      ["serves-many", 20],
      ["half", 50],
      ["unknown", 100],
      ["degraded", 1_001],
      ["other-idle", 10_000],
    ]);
  });

  test("who cannot be chosen comes last, with the reason", () => {
    const statusOf = (hive: string): HiveStatus | undefined =>
      ({ h: "alive", s: "suspect" })[hive] as HiveStatus | undefined;
    const { url: _, ...withoutUrl } = aWorker({ worker_id: "d" });
    const workers: HiveWorker[] = [
      on("gone", { worker_id: "a" }),
      on("s", { worker_id: "b" }),
      on("h", { worker_id: "c", state: "Busy" }),
      { hive_id: "h", worker: withoutUrl },
      on("h", { worker_id: "e", draining: true }),
      on("h", { worker_id: "f" }),
    ];
    const ranked = rank(workers, "llama-3-8b", statusOf);
    expect(ranked[0]?.worker.worker_id).toBe("f");
    expect(Object.fromEntries(ranked.slice(1).map(({ worker, why }) => [worker.worker_id, why]))).toEqual({
      a: "its hive is gone",
      b: "its hive is suspect",
      c: "busy",
      d: "has no URL",
      e: "draining",
    });
  });

  test("the order does not depend on the order in which workers are listed", () => {
    const someone = fc.record({
      worker_id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
      state: fc.constantFrom("Idle" as const, "Busy" as const),
      gpu_percent: fc.integer({ min: 0, max: 100 }),
      model_id: fc.constantFrom("m", "n"),
      draining: fc.boolean(),
    });
    const some = fc.uniqueArray(someone, { selector: (one) => one.worker_id });
    fc.assert(
      fc.property(some, (workers) => {
        const listed = workers.map((worker) => on("h", worker));
        expect(rank(listed.toReversed(), "m", alive)).toEqual(rank(listed, "m", alive));
      }),
    );
  });
});

function aQueen(found: {
  readonly winner?: RouteReply;
  readonly workers: readonly HiveWorker[];
  readonly models?: readonly string[];
}) {
  return {
    route: async () => {
      if (found.winner === undefined) throw new ClientError("NO_WORKER", "none", { status: 503, server: "queen" });
      return found.winner;
    },
    eachWorker: (query: WorkersQuery = {}) =>
      each(found.workers.filter(({ worker }) => query.model === undefined || worker.model_id === query.model)),
    listHives: async () => [aHive({ hive_id: "h" })],
    models: async () => (found.models ?? []).map((model) => aModel(model)),
  };
}

describe("hive route", () => {
  const best = on("h", { worker_id: "best", model_id: "m", gpu_percent: 3 });
  const second = on("h", { worker_id: "second", model_id: "m", gpu_percent: 40 });

  test("names the queen's choice, then the losers with their scores", async () => {
    const page = aPage();
    const client = aQueen({ winner: { ...best, model_loaded: true }, workers: [second, best] });
    expect(await route({ ...page, client }, "m", {})).toBe(0);
    expect(page.out[0]).toBe("best on h serves m: http://10.0.0.5:9300\n");
    expect(page.text()).toMatch(/→ {2}best .* 3 {2}GPU 3 %\n {3}second .* 40 {2}GPU 40 %/);
  });

  test("a choice without the model is called what it is", async () => {
    const page = aPage();
    expect(
      await route({ ...page, client: aQueen({ winner: { ...best, model_loaded: false }, workers: [best] }) }, "x", {}),
    ).toBe(0);
    expect(page.err.join()).toContain("does not have x loaded");
  });

  test("nobody: exit 1, and what to do", async () => {
    const page = aPage();
    const busy = on("h", { worker_id: "busy", model_id: "m", state: "Busy" });
    expect(await route({ ...page, client: aQueen({ workers: [busy] }) }, "m", {})).toBe(1);
    expect(page.err.join()).toContain("No worker can take m now");
    expect(page.text()).toMatch(/busy\s+h\s+m\s+-\s+busy/);

    const empty = aPage();
    expect(await route({ ...empty, client: aQueen({ workers: [] }) }, "m", {})).toBe(1);
    expect(empty.err.join()).toContain("hive worker start");

    const others = aPage();
    expect(await route({ ...others, client: aQueen({ workers: [], models: ["a", "b"] }) }, "m", {})).toBe(1);
    expect(others.err.join()).toContain("There are 2 models: `hive models` lists them");
  });

  test("--json has the route's own fields and every loser", async () => {
    const page = aPage();
    await route(
      { ...page, client: aQueen({ winner: { ...best, model_loaded: true }, workers: [second, best] }) },
      "m",
      { json: true },
    );
    expect(JSON.parse(page.text())).toEqual({
      ...{ model: "m", hive_id: "h", worker: best.worker, model_loaded: true },
      losers: [{ ...second, score: 40, why: "GPU 40 %" }],
    });
    expect(await route({ ...page, client: aQueen({ workers: [] }) }, "m", { json: true })).toBe(1);
    expect(JSON.parse(page.out.at(-1) ?? "")).toEqual({
      model: "m",
      hive_id: null,
      worker: null,
      model_loaded: false,
      losers: [],
    });
  });

  test("of many losers the best are shown, and how many more there are", async () => {
    const page = aPage();
    const many = Array.from({ length: 30 }, (_, at) =>
      on("h", { worker_id: `w${at}`, model_id: "m", gpu_percent: at }),
    );
    await route({ ...page, client: aQueen({ winner: { ...many[0]!, model_loaded: true }, workers: many }) }, "m", {});
    expect(page.text()).toContain("… and 9 more");
  });

  test("a refusal that is no lack of workers is thrown", async () => {
    const client = {
      ...aQueen({ workers: [] }),
      route: () => Promise.reject(new ClientError("UNAUTHENTICATED", "no")),
    };
    await expect(route({ ...aPage(), client }, "m", {})).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });
});
