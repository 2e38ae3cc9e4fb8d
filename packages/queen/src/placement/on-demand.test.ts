import { HiveError } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { aPlacement } from "./testing/a-placement.ts";
import type { FakeHive } from "./testing/fake-hives.ts";

const LIMITS = { enabled: true, waitMs: 60_000, idleMs: 30_000 };

function busy(hive: FakeHive, workerId: string, slots: number): void {
  const worker = hive.workers.get(workerId);
  if (worker === undefined) throw new Error(`${workerId} is not there`);
  worker.slotsBusy = slots;
}

describe("a model that nobody has loaded", () => {
  test("is started once for all who ask for it, under any of its names, and each of them gets a place", async () => {
    const { addHive, pass, want } = await aPlacement({ aliases: { toy: "llama" } });
    const desk = await addHive("desk", { models: { llama: 6 } });
    const other = await addHive("other", { models: { llama: 6 } });
    const asked = ["llama", "toy", "Org/Llama.gguf", "llama"].map((model) => want(model));
    await pass(500);
    expect(asked.map(({ outcome }) => outcome)).toEqual(["waits", "waits", "waits", "waits"]);
    await pass(3_000);
    expect(asked.map(({ outcome }) => outcome)).toEqual(asked.map(() => "desk/llama"));
    expect(desk.starts).toEqual([{ model: "llama.gguf", alias: "llama", on_demand: true }]);
    expect(other.starts).toEqual([]);
    expect(want("llama").outcome).toBe("waits");
    await pass(100);
    expect(desk.starts).toHaveLength(1);
  });

  test("is not started when that is switched off, when only a busy worker has it, or when nobody has its file", async () => {
    const off = await aPlacement({ onDemand: { ...LIMITS, enabled: false } });
    const desk = await off.addHive("desk", { models: { llama: 6 } });
    const refused = off.want("llama", { wait_ms: 1_000 });
    await off.pass(2_000);
    expect(refused.outcome).toBe("NO_WORKER");
    expect(desk.starts).toEqual([]);

    const on = await aPlacement({ onDemand: LIMITS });
    const rack = await on.addHive("rack", { models: { llama: 6 } });
    on.want("llama");
    await on.pass(3_000);
    busy(rack, "llama", 4);
    await on.pass(200);
    const waiting = on.want("llama", { wait_ms: 5_000 });
    const unheard = on.want("unheard-of", { wait_ms: 5_000 });
    await on.pass(1_000);
    expect([waiting.outcome, rack.starts.length]).toEqual(["waits", 1]);
    await on.pass(5_000);
    expect(unheard.outcome).toBe("NO_WORKER");
  });

  test("is started also for who will not wait, and that is said", async () => {
    const { addHive, pass, queen } = await aPlacement({ onDemand: LIMITS });
    await addHive("desk", { models: { llama: 6 } });
    const refused = { code: "NO_WORKER", details: { coming_within_ms: LIMITS.waitMs } };
    await expect(queen.reserve({ model: "llama" })).rejects.toMatchObject(refused);
    await pass(3_000);
    expect(await queen.reserve({ model: "llama" })).toMatchObject({ hive_id: "desk" });
  });

  test("whose file was put there just now is found by the first who asks", async () => {
    const { addHive, pass, want } = await aPlacement({ onDemand: LIMITS });
    const desk = await addHive("desk");
    await pass(2_500);
    desk.models = { fresh: 2 };
    const asked = want("fresh");
    await pass(3_000);
    expect(asked.outcome).toBe("desk/fresh");
  });

  test("is started for those who waited already when its hive is heard", async () => {
    const { addHive, pass, want } = await aPlacement({ onDemand: LIMITS });
    const asked = want("llama");
    await pass(500);
    expect(asked.outcome).toBe("waits");
    await addHive("desk", { models: { llama: 6 } });
    await pass(3_000);
    expect(asked.outcome).toBe("desk/llama");
  });

  test("is started where the request may go, and one for another hive is another start", async () => {
    const { addHive, pass, want } = await aPlacement({ onDemand: LIMITS });
    await addHive("a", { models: { llama: 6 } });
    await addHive("b", { models: { llama: 6 } });
    const asked = [want("llama", { hive_id: "b" }), want("llama", { hive_id: "a" }), want("llama", { hive_id: "b" })];
    await pass(3_000);
    expect(asked.map(({ outcome }) => outcome)).toEqual(["b/llama", "a/llama", "b/llama"]);
  });
});

describe("a start that fails", () => {
  test("is told to all who wait, with its own words, and to those who ask again soon", async () => {
    const { addHive, pass, want } = await aPlacement({ onDemand: LIMITS });
    const desk = await addHive("desk", { models: { cut: 6 } });
    desk.fails = new HiveError("MODEL_TRUNCATED", "It is cut off");
    const asked = [want("cut"), want("cut")];
    await pass(3_500);
    expect(asked.map(({ outcome }) => outcome)).toEqual(["MODEL_TRUNCATED", "MODEL_TRUNCATED"]);
    const again = want("cut");
    await pass(100);
    expect([again.outcome, desk.starts.length]).toEqual(["MODEL_TRUNCATED", 1]);
    desk.fails = undefined;
    await pass(5_000);
    const later = want("cut");
    await pass(3_000);
    expect(later.outcome).toMatch(/^desk\/cut/);
  });

  test("because nobody has room is told at once, as 507", async () => {
    const { addHive, pass, want } = await aPlacement({ onDemand: LIMITS });
    await addHive("desk", { gpus: [4], models: { llama: 6 } });
    const asked = want("llama");
    await pass(200);
    expect(asked.outcome).toBe("NO_CAPACITY");
  });

  test("is not told while its hive's connection is only closed for a moment", async () => {
    const { addHive, pass, want, queen, settled, clock } = await aPlacement({ onDemand: LIMITS });
    await addHive("desk", { models: { llama: 6 } });
    queen.hiveDisconnected("desk");
    const asked = want("llama");
    await settled();
    clock.advance(100);
    await settled();
    expect(asked.outcome).toBe("waits");
    await pass(3_000);
    expect(asked.outcome).toBe("desk/llama");
  });

  test("because it takes too long is told when the time is over", async () => {
    const { addHive, pass, want } = await aPlacement({ onDemand: { ...LIMITS, waitMs: 1_000 } });
    await addHive("desk", { models: { llama: 6 } });
    const asked = want("llama");
    await pass(1_500);
    expect(asked.outcome).toBe("TIMEOUT");
  });
});

describe("a worker that was started on demand", () => {
  /** Uses a model for a moment, and is done. */
  async function use({ want, pass, queen }: Awaited<ReturnType<typeof aPlacement>>, model: string): Promise<void> {
    const wanted = want(model);
    for (let turns = 0; turns < 100 && wanted.outcome === "waits"; turns++) await pass(200);
    queen.release((await wanted.asked).reservation_id, "ok");
    await pass(100);
  }

  test("ends when nobody used it for as long as it may be idle, and is started again for the next who asks", async () => {
    const story = await aPlacement({ onDemand: LIMITS });
    const desk = await story.addHive("desk", { models: { llama: 6 } });
    await use(story, "llama");
    await story.pass(25_000);
    await use(story, "llama");
    await story.pass(25_000);
    busy(desk, "llama", 1);
    await story.pass(60_000);
    expect([...desk.workers.keys()]).toEqual(["llama"]);
    busy(desk, "llama", 0);
    await story.pass(25_000);
    expect([...desk.workers.keys()]).toEqual(["llama"]);
    await story.pass(10_000);
    expect([...desk.workers.keys()]).toEqual([]);
    await use(story, "llama");
    expect([...desk.workers.keys()]).toEqual(["llama"]);
  });

  test("stays for ever when it may be idle for ever, as one does that somebody started", async () => {
    const story = await aPlacement({ onDemand: { ...LIMITS, idleMs: 0 } });
    const desk = await story.addHive("desk", { models: { llama: 6 } });
    await use(story, "llama");
    await story.pass(100_000);
    expect([...desk.workers.keys()]).toEqual(["llama"]);

    const other = await aPlacement({ onDemand: LIMITS });
    const rack = await other.addHive("rack", { models: { llama: 6 } });
    await other.ask("POST", "/api/v1/workers", { model: "llama" });
    await other.pass(100_000);
    expect([...rack.workers.keys()]).toEqual(["llama"]);
  });

  test("makes way for another model when room is short: the one that nobody used for longest, and no more than needed", async () => {
    const story = await aPlacement({ onDemand: { ...LIMITS, idleMs: 0 } });
    const desk = await story.addHive("desk", { gpus: [24], models: { a: 6, b: 6, c: 6, d: 8 } });
    for (const model of ["a", "b", "c"]) await use(story, model);
    await use(story, "a");
    await story.pass(15_000);
    const asked = story.want("d");
    await story.pass(6_000);
    expect(asked.outcome).toBe("desk/d");
    expect([...desk.workers.keys()]).toEqual(["a", "c", "d"]);
  });

  test("makes way in RAM for one on a GPU only where that uses the machine's memory", async () => {
    for (const unified of [true, false]) {
      const story = await aPlacement({ onDemand: { ...LIMITS, idleMs: 0 } });
      const mac = await story.addHive("mac", { gpus: [8], ramGb: 8, firstNumber: 0, unified, models: { a: 6, b: 6 } });
      const first = story.want("a", { backend: "cpu" });
      await story.pass(3_000);
      story.queen.release((await first.asked).reservation_id, "ok");
      await story.pass(15_000);
      const asked = story.want("b");
      await story.pass(6_000);
      expect([asked.outcome, [...mac.workers.keys()]]).toEqual(["mac/b", unified ? ["b"] : ["a", "b"]]);
    }
  });

  test("never makes way while it works: who needs its room waits until it is idle", async () => {
    const story = await aPlacement({ onDemand: { ...LIMITS, idleMs: 0 } });
    const desk = await story.addHive("desk", { gpus: [8], models: { a: 6, b: 6 } });
    await use(story, "a");
    await story.pass(15_000);
    busy(desk, "a", 1);
    await story.pass(100);
    const asked = story.want("b");
    await story.pass(20_000);
    expect([...desk.workers.keys()]).toEqual(["a"]);
    expect(asked.outcome).toBe("waits");
    expect(desk.asked.filter((what) => what.startsWith("stop"))).toEqual([]);
    busy(desk, "a", 0);
    await story.pass(6_000);
    expect(asked.outcome).toBe("desk/b");
    expect([...desk.workers.keys()]).toEqual(["b"]);
  });

  test("does not make way while a place is reserved at it, though it reports nothing of that yet", async () => {
    const story = await aPlacement({ onDemand: { ...LIMITS, idleMs: 0, waitMs: 30_000 } });
    const desk = await story.addHive("desk", { gpus: [8], models: { a: 6, b: 6 } });
    await use(story, "a");
    await story.pass(15_000);
    const place = await story.queen.reserve({ model: "a", ttl_ms: 600_000 });
    const asked = story.want("b");
    await story.pass(1_000);
    expect([...desk.workers.keys()]).toEqual(["a"]);
    story.queen.release(place.reservation_id, "ok");
    await story.pass(6_000);
    expect(asked.outcome).toBe("desk/b");
  });

  test("is not ended for a model that would not fit all the same", async () => {
    const story = await aPlacement({ onDemand: { ...LIMITS, idleMs: 0 } });
    const desk = await story.addHive("desk", { gpus: [8], models: { a: 6, huge: 20 } });
    await use(story, "a");
    const asked = story.want("huge");
    await story.pass(1_000);
    expect(asked.outcome).toBe("NO_CAPACITY");
    expect([...desk.workers.keys()]).toEqual(["a"]);
  });

  test("is known again to a queen that was started anew, and ends when it was idle for as long once more", async () => {
    const before = await aPlacement({ onDemand: LIMITS });
    const old = await before.addHive("desk", { models: { llama: 6 } });
    await use(before, "llama");

    const story = await aPlacement({ onDemand: LIMITS });
    const desk = story.hives.add("desk", { models: { llama: 6 } });
    for (const [id, worker] of old.workers) desk.workers.set(id, worker);
    story.queen.receiveHeartbeat(desk.heartbeat());
    await story.pass(25_000);
    expect([...desk.workers.keys()]).toEqual(["llama"]);
    await story.pass(10_000);
    expect([...desk.workers.keys()]).toEqual([]);
  });
});
