import { HiveError } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { aPlacement } from "./testing/a-placement.ts";

describe("a worker that is asked for", () => {
  test("is started on the hive where it fits best, and is listed as it loads", async () => {
    const { ask, addHive, pass } = await aPlacement();
    await addHive("large", { gpus: [48], models: { llama: 6 } });
    const small = await addHive("small", { gpus: [4, 8], models: { llama: 6 } });
    const { status, body } = await ask("POST", "/api/v1/workers", { model: "llama", slots: 2, context_tokens: 4_096 });
    expect({ status, body }).toEqual({
      status: 202,
      body: { hive_id: "small", worker_id: "llama", device_id: 1, memory_bytes: 6e9 + 512 * 1_048_576 },
    });
    expect(small.starts).toEqual([
      { model: "llama.gguf", alias: "llama", device_id: 1, slots: 2, context_tokens: 4_096 },
    ]);
    await pass(100);
    expect((await ask("GET", "/api/v1/workers")).body).toMatchObject({
      workers: [{ hive_id: "small", worker: { worker_id: "llama", state: "Loading" } }],
    });
  });

  test("with wait answers when it is ready, or why it failed", async () => {
    const { ask, addHive, pass } = await aPlacement();
    const desk = await addHive("desk", { models: { llama: 6, broken: 1 } });
    const ready = ask("POST", "/api/v1/workers", { model: "llama", wait: true });
    await pass(3_000);
    expect(await ready).toMatchObject({ status: 201, body: { hive_id: "desk", worker_id: "llama" } });
    desk.fails = new HiveError("MODEL_TRUNCATED", "It is cut off");
    const failed = ask("POST", "/api/v1/workers", { model: "broken", wait: true });
    await pass(5_000);
    expect(await failed).toMatchObject({
      status: 422,
      body: { error: { code: "MODEL_TRUNCATED", message: "It is cut off" } },
    });
  });

  test("goes nowhere when nobody has room: 507 names the need and what each hive has", async () => {
    const { ask, addHive } = await aPlacement();
    await addHive("full", { gpus: [4, 6], models: { llama: 40 } });
    await addHive("desk", { ramGb: 16, models: { llama: 40 } });
    await addHive("other", { gpus: [80] });
    const { status, body } = await ask("POST", "/api/v1/workers", { model: "llama" });
    expect(status).toBe(507);
    const margin = 512 * 1_048_576;
    expect(body).toMatchObject({
      error: {
        code: "NO_CAPACITY",
        message: "llama needs 40.5 GB, and no hive that has its file has room: full has 5.5 GB, desk has 15.5 GB",
        details: {
          memory_bytes: 40e9 + margin,
          hives: [
            { hive_id: "full", reason: "no_room", room_bytes: 6e9 - margin },
            { hive_id: "desk", reason: "no_room", room_bytes: 16e9 - margin },
          ],
          left_out: 0,
        },
      },
    });
  });

  test("never shares a device's memory with another that is placed at the same time", async () => {
    const { ask, addHive, pass } = await aPlacement();
    const desk = await addHive("desk", { gpus: [10, 10], models: { a: 6, b: 6, c: 6 } });
    const answers = await Promise.all(["a", "b", "c"].map((model) => ask("POST", "/api/v1/workers", { model })));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 507]);
    expect(desk.starts.map(({ device_id }) => device_id)).toEqual([0, 1]);
    // Its memory is promised until a measurement is certain to have it, and then measured.
    await pass(20_000);
    expect((await ask("POST", "/api/v1/workers", { model: "c" })).status).toBe(507);
    await ask("DELETE", "/api/v1/workers/a");
    await pass(100);
    expect((await ask("POST", "/api/v1/workers", { model: "c" })).body).toMatchObject({ device_id: 0 });
  });

  test("goes to another hive when the first one refuses it, or is not reached", async () => {
    const { ask, addHive } = await aPlacement();
    const first = await addHive("a", { gpus: [8], models: { llama: 6 } });
    const second = await addHive("b", { gpus: [9], models: { llama: 6 } });
    const third = await addHive("c", { gpus: [20], models: { llama: 6 } });
    first.refuses = new HiveError("ENGINE_MISSING", "not here");
    second.isReached = false;
    expect((await ask("POST", "/api/v1/workers", { model: "llama" })).body).toMatchObject({ hive_id: "c" });
    third.refuses = new HiveError("MODEL_INVALID", "no model");
    expect(await ask("POST", "/api/v1/workers", { model: "llama" })).toMatchObject({ status: 422 });
    // What came to nothing holds no memory.
    first.refuses = undefined;
    expect((await ask("POST", "/api/v1/workers", { model: "llama" })).body).toMatchObject({ hive_id: "a" });
  });

  test("goes where it is told to, by hive, device, backend or label, and its need is what is said", async () => {
    const { ask, addHive, queen } = await aPlacement();
    const a = await addHive("a", { gpus: [8], models: { llama: 6 } });
    await addHive("b", { gpus: [24, 24], models: { llama: 6 } });
    queen.registry.labelHive("b", { zone: "eu" });
    const place = async (wish: object) => (await ask("POST", "/api/v1/workers", { model: "llama", ...wish })).body;
    expect(await place({ labels: { zone: "eu" } })).toMatchObject({ hive_id: "b", device_id: 0 });
    expect(await place({ hive_id: "b", device_id: 1 })).toMatchObject({ hive_id: "b", device_id: 1 });
    expect(await place({ backend: "cpu" })).toMatchObject({ hive_id: "a", memory_bytes: 6e9 + 512 * 1_048_576 });
    expect(await place({ backend: "cpu" })).not.toHaveProperty("device_id");
    expect(a.starts).toEqual([1, 2].map(() => ({ model: "llama.gguf", alias: "llama", gpu: false })));
    expect(await place({ memory_bytes: 1 })).toMatchObject({ hive_id: "a", device_id: 0, memory_bytes: 1 });
    expect(await place({ backend: "rocm" })).toMatchObject({ error: { code: "NO_CAPACITY" } });
  });

  test("is given its device by the number that the hive tells", async () => {
    const { ask, addHive, pass } = await aPlacement();
    const desk = await addHive("desk", { gpus: [4, 10], firstNumber: 100, models: { a: 6, b: 6 } });
    expect((await ask("POST", "/api/v1/workers", { model: "a" })).body).toMatchObject({ device_id: 101 });
    await pass(20_000);
    expect((await ask("POST", "/api/v1/workers", { model: "b", device_id: 101 })).status).toBe(507);
    expect((await ask("POST", "/api/v1/workers", { model: "b", device_id: 1 })).body).toMatchObject({
      error: { details: { hives: [{ reason: "other_device" }] } },
    });
    expect(desk.starts.map(({ device_id }) => device_id)).toEqual([101]);
  });

  test("never gets memory of a GPU that was promised as the machine's, or the other way round", async () => {
    const { ask, addHive, pass } = await aPlacement();
    await addHive("mac", { gpus: [16], ramGb: 16, firstNumber: 0, unified: true, models: { a: 8, b: 8 } });
    for (const [first, second] of [[{ backend: "cpu" }, {}] as const, [{}, { backend: "cpu" }] as const]) {
      expect((await ask("POST", "/api/v1/workers", { model: "a", ...first })).status).toBe(202);
      expect((await ask("POST", "/api/v1/workers", { model: "b", ...second })).status).toBe(507);
      await pass(20_000);
      expect((await ask("POST", "/api/v1/workers", { model: "b", ...second })).status).toBe(507);
      await ask("DELETE", "/api/v1/workers/a");
      await pass(100);
    }
  });

  test("of which no library knows is found on a hive that is named, and nowhere else", async () => {
    const { ask, addHive } = await aPlacement();
    const desk = await addHive("desk");
    expect(await ask("POST", "/api/v1/workers", { model: "/models/own.gguf" })).toMatchObject({
      ...{ status: 404, body: { error: { code: "MODEL_NOT_FOUND" } } },
    });
    expect(await ask("POST", "/api/v1/workers", { model: "/models/own.gguf", hive_id: "desk" })).toMatchObject({
      ...{ status: 202, body: { hive_id: "desk" } },
    });
    expect(desk.starts).toEqual([{ model: "/models/own.gguf" }]);
    expect(await ask("POST", "/api/v1/workers", { model: "x", hive_id: "nobody" })).toMatchObject({
      ...{ status: 404, body: { error: { code: "HIVE_NOT_FOUND" } } },
    });
  });

  test.each([{}, { model: "" }, { model: "m", slots: 0 }, { model: "m", more: 1 }, { model: "m", memory_bytes: -1 }])(
    "is refused when it is asked for with %j",
    async (body) => {
      const { ask } = await aPlacement();
      expect(await ask("POST", "/api/v1/workers", body)).toMatchObject({
        ...{ status: 400, body: { error: { code: "INVALID_REQUEST" } } },
      });
    },
  );
});

describe("a worker that shall end", () => {
  test("ends, by its hive, and at once unless it may finish first", async () => {
    const { ask, addHive, pass } = await aPlacement();
    const desk = await addHive("desk", { models: { llama: 6 } });
    await ask("POST", "/api/v1/workers", { model: "llama" });
    await pass(100);
    expect((await ask("DELETE", "/api/v1/workers/llama")).status).toBe(204);
    expect(desk.asked.at(-1)).toBe("stop llama 0");
    await pass(100);
    expect(await ask("DELETE", "/api/v1/workers/llama")).toMatchObject({
      ...{ status: 404, body: { error: { code: "WORKER_NOT_FOUND" } } },
    });
    // One that failed is told to nobody; whoever knows its hive may clear it away.
    await ask("POST", "/api/v1/workers", { model: "llama" });
    expect((await ask("DELETE", "/api/v1/workers/llama?hive_id=desk&drain_ms=5")).status).toBe(204);
    expect(desk.asked.at(-1)).toBe("stop llama 5");
  });

  test("drains: answered at once, gone when it has finished", async () => {
    const { ask, addHive, pass } = await aPlacement();
    const desk = await addHive("desk", { models: { llama: 6 } });
    await ask("POST", "/api/v1/workers", { model: "llama" });
    await pass(3_000);
    const worker = desk.workers.get("llama");
    if (worker !== undefined) worker.slotsBusy = 1;
    expect(await ask("POST", "/api/v1/workers/llama/drain")).toEqual(
      expect.objectContaining({ status: 202, body: { status: "draining" } }),
    );
    await pass(1_000);
    expect((await ask("GET", "/api/v1/workers/llama")).body).toMatchObject({ worker: { draining: true } });
    if (worker !== undefined) worker.slotsBusy = 0;
    await pass(1_000);
    expect((await ask("GET", "/api/v1/workers/llama")).status).toBe(404);
  });
});
