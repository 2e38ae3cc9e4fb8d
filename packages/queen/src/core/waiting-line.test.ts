import { HiveError } from "@hive-registry/contract";
import { HiveRegistry, type ModelAliases, type Reservation, type ReserveRequest } from "hive-registry";
import { describe, expect, test } from "vitest";
import { aHeartbeat, aWorker } from "../testing/a-queen.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { type LineLimits, WaitingLine } from "./waiting-line.ts";

/** One hive with one worker of model `m`, and a line before it. */
function aLine(limits?: LineLimits, aliases: ModelAliases = {}) {
  const clock = new FakeClock();
  const registry = new HiveRegistry({ now: clock.nowMs, aliases });
  const line = new WaitingLine({ registry, clock }, limits, aliases);
  let seq = 0;
  const report = (...workers: Parameters<typeof aWorker>[0][]) => {
    clock.advance(1);
    const list = workers.map((fields, at) => aWorker({ worker_id: `w${at}`, model_id: "m", ...fields }));
    registry.updateHiveState("desk", aHeartbeat({ boot_id: "b", seq: ++seq, workers: list }), {
      receivedAtMs: clock.nowMs(),
    });
    clock.advance(1);
  };
  const served: string[] = [];
  /** Asks for a place; when it is served, or refused, its name is noted. */
  const ask = (name: string, request: Partial<ReserveRequest> = {}, waitMs = 10_000, signal?: AbortSignal) => {
    const asked = line.reserve({ model: "m", ...request }, { waitMs, ...(signal === undefined ? {} : { signal }) });
    asked.then(
      () => served.push(name),
      () => served.push(`${name} refused`),
    );
    return asked;
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, registry, line, report, ask, served, settled };
}

describe("a request", () => {
  test("that finds room does not wait", async () => {
    const { line, report, ask } = aLine();
    report({});
    expect(await ask("first", {}, 0)).toMatchObject({ worker: { worker_id: "w0" } });
    expect(line.length).toBe(0);
  });

  test("that will not wait is refused at once when there is no room", async () => {
    const { report, ask } = aLine();
    report({ state: "Busy" });
    await expect(ask("first", {}, 0)).rejects.toMatchObject({ code: "NO_WORKER" });
  });

  test("that waits for a label is served as soon as a hive gets it", async () => {
    const { registry, report, ask, settled, served } = aLine();
    report({});
    ask("first", { labels: { zone: "eu" } });
    await settled();
    expect(served).toEqual([]);
    registry.labelHive("desk", { zone: "eu" });
    await settled();
    expect(served).toEqual(["first"]);
  });

  test("that waited long enough is refused, and gone", async () => {
    const { clock, line, report, ask } = aLine();
    report({ state: "Busy" });
    const asked = ask("first", {}, 5_000);
    expect(line.length).toBe(1);
    clock.advance(5_000);
    await expect(asked).rejects.toMatchObject({ code: "NO_WORKER", message: expect.stringContaining("5000 ms") });
    expect(line.length).toBe(0);
  });

  test("whose caller hangs up leaves the line, and so is one whose caller had left before", async () => {
    const { line, report, ask } = aLine();
    report({ state: "Busy" });
    const caller = new AbortController();
    const asked = ask("first", {}, 5_000, caller.signal);
    caller.abort();
    await expect(asked).rejects.toMatchObject({ code: "NO_WORKER" });
    await expect(ask("second", {}, 5_000, caller.signal)).rejects.toMatchObject({ code: "NO_WORKER" });
    expect(line.length).toBe(0);
  });
});

describe("those who wait", () => {
  test("are served in their order, each by the very release that makes room", async () => {
    const { report, ask, served, settled } = aLine();
    report({});
    const places: Reservation[] = [await ask("first")];
    const others = [ask("second"), ask("third")];
    await settled();
    expect(served).toEqual(["first"]);
    places[0]?.release();
    places.push((await others[0]) as Reservation);
    await settled();
    expect(served).toEqual(["first", "second"]);
    places[1]?.release();
    await others[1];
    expect(served).toEqual(["first", "second", "third"]);
  });

  test("are served by a heartbeat that tells of a free worker, of a place whose time is over, and of a hive that is back", async () => {
    const { clock, registry, report, ask, served, settled } = aLine();
    report({ state: "Busy" });
    const first = ask("first", { ttl_ms: 1_000 });
    report({});
    await first;
    const second = ask("second", { ttl_ms: 1_000 });
    clock.advance(1_000);
    registry.tick();
    await second;
    (await second).release();
    registry.suspectHive("desk");
    const third = ask("third");
    registry.renewLease({ hive_id: "desk", boot_id: "b", seq: 99 });
    await third;
    await settled();
    expect(served).toEqual(["first", "second", "third"]);
  });

  test("are not overtaken by a newcomer, but one that wants something else does not hold up the rest", async () => {
    const { report, ask, served, settled } = aLine();
    report({ state: "Busy", backend: "cuda" });
    void ask("wants metal", { backend: "metal" }).catch(() => {});
    void ask("wants anything");
    report({ backend: "cuda", slots_total: 2 });
    void ask("newcomer");
    await settled();
    expect(served).toEqual(["wants anything", "newcomer"]);
    void ask("next");
    void ask("and next");
    await settled();
    report({ backend: "cuda", slots_total: 3, slots_busy: 2 });
    await settled();
    expect(served).toEqual(["wants anything", "newcomer", "next"]);
  });

  test("wait for their own model only", async () => {
    const { report, ask, served, settled } = aLine();
    report({ state: "Busy" });
    void ask("waits for m").catch(() => {});
    report({ state: "Busy" }, { model_id: "other" });
    await ask("other", { model: "other" });
    await settled();
    expect(served).toEqual(["other"]);
  });
});

describe("those who call one model by several names", () => {
  test("wait in one line, and are woken by any worker that is meant", async () => {
    const { report, ask, served, settled } = aLine();
    report({ state: "Busy", model_id: "org/Llama-3-8B:latest" });
    for (const model of ["llama-3-8b", "LLAMA-3-8B.Q4_K_M.gguf", "llama-3-8b:latest"]) void ask(model, { model });
    for (let slots = 1; slots <= 3; slots++) {
      report({ model_id: "org/Llama-3-8B:latest", slots_total: slots, slots_busy: slots - 1 });
      await settled();
    }
    expect(served).toEqual(["llama-3-8b", "LLAMA-3-8B.Q4_K_M.gguf", "llama-3-8b:latest"]);
  });

  test("are served in the order in which they came, an alias like the name itself", async () => {
    const { report, ask, served, settled } = aLine(undefined, { fast: ["m", "other"] });
    report({ state: "Busy" }, { state: "Busy", model_id: "other" });
    void ask("first", { model: "fast" });
    void ask("second");
    void ask("third", { model: "fast" });
    await settled();
    report({ slots_total: 2 }, { state: "Busy", model_id: "other" });
    await settled();
    expect(served).toEqual(["first", "second"]);
    report({ slots_total: 3, slots_busy: 2 }, { state: "Busy", model_id: "other" });
    await settled();
    expect(served).toEqual(["first", "second", "third"]);
  });
});

test("whoever waits can be sent away at once, and the line is empty then", async () => {
  const { line, report, ask } = aLine();
  report({ state: "Busy" });
  const asked = [ask("first"), ask("second", { model: "x" })];
  line.refuseAll(new HiveError("SHUTTING_DOWN", "no more"));
  for (const one of asked) await expect(one).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  expect(line.length).toBe(0);
});

test("a line tells how long it is for each name, and how those who waited left", async () => {
  const { clock, line, report, ask } = aLine({ perModel: 2, total: 3 });
  report({ state: "Busy" });
  const caller = new AbortController();
  void ask("is served");
  void ask("hangs up", {}, 5_000, caller.signal).catch(() => {});
  void ask("is too many").catch(() => {});
  void ask("waits for ever", { model: "x" }).catch(() => {});
  expect([...line.lengths()]).toEqual([
    ["m", 2],
    ["x", 1],
  ]);
  caller.abort();
  report({});
  clock.advance(10_000);
  expect(line.totals).toEqual({ served: 1, timed_out: 1, left: 1, refused: 1 });
  expect([...line.lengths()]).toEqual([]);
});

test("a line has an end, for each model and in all", async () => {
  const { line, report, ask } = aLine({ perModel: 2, total: 3 });
  report({ state: "Busy" }, { state: "Busy", model_id: "other" });
  for (const name of ["first", "second"]) void ask(name).catch(() => {});
  await expect(ask("third")).rejects.toThrow(/2 requests wait already/);
  void ask("fourth", { model: "other" }).catch(() => {});
  await expect(ask("fifth", { model: "other" })).rejects.toThrow(/3 requests wait already/);
  expect(line.length).toBe(3);
});
