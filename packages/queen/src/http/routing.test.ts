import type { ReservationReply } from "@hive-registry/contract";
import { type Explanation, HiveRegistry } from "hive-registry";
import { describe, expect, test } from "vitest";
import { openCatalog } from "../catalog/index.ts";
import { aHeartbeat, aQueen, aWorker, type TestQueen } from "../testing/a-queen.ts";

const reserve = async (queen: TestQueen, body: object) => {
  const { status, body: reply } = await queen.ask("POST", "/api/v1/reservations", body);
  return { status, reply: reply as ReservationReply };
};
const explain = async (queen: TestQueen, query: string) =>
  (await queen.ask("GET", `/api/v1/route?explain=true&${query}`)).body as Explanation;

describe("a model's name", () => {
  test("is understood where a worker knows the model under a like name, and the reply tells that name", async () => {
    const queen = await aQueen({ aliases: { "gpt-4o": "Llama-3-8B" } });
    const worker = aWorker({ model_id: "llama-3-8b.Q4_K_M.gguf", slots_total: 4 });
    await queen.heartbeat(aHeartbeat({ workers: [worker] }));
    for (const name of ["org/Llama-3-8B", "llama-3-8b:latest", "gpt-4o"]) {
      expect(await queen.route(name)).toEqual({ hive_id: "desk", worker, model_loaded: true, model: worker.model_id });
      expect(await reserve(queen, { model: name })).toMatchObject({ status: 201, reply: { model: worker.model_id } });
    }
    expect(await queen.route("llama-3-8b.Q4_K_M.gguf")).not.toHaveProperty("model");
  });

  test("of several models the one with an idle worker is named", async () => {
    const queen = await aQueen();
    const workers = [
      aWorker({ worker_id: "w1", model_id: "m-Q8_0", state: "Busy" }),
      aWorker({ worker_id: "w2", model_id: "m-Q4_0" }),
      aWorker({ worker_id: "w3", model_id: "other", gpu_percent: 0 }),
    ];
    await queen.heartbeat(aHeartbeat({ workers }));
    expect(await queen.route("M")).toMatchObject({ worker: { worker_id: "w2" }, model_loaded: true, model: "m-Q4_0" });
  });

  test("that nobody has is answered with those that are like it", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "llama-3-8b", state: "Busy" })] }));
    const { body } = await queen.ask("GET", "/api/v1/route?model=lama-3-8b");
    expect(body).toMatchObject({ error: { code: "NO_WORKER", message: expect.stringContaining("llama-3-8b") } });
  });
});

describe("an explanation", () => {
  test("names who would be chosen and why not the others, and reserves nothing", async () => {
    const queen = await aQueen();
    const workers = [
      aWorker({ worker_id: "w1", model_id: "m", backend: "cuda", slots_total: 4, slots_busy: 2 }),
      aWorker({ worker_id: "w2", model_id: "m", backend: "cpu" }),
      aWorker({ worker_id: "w3", model_id: "m", backend: "cuda", slots_total: 2 }),
    ];
    await queen.heartbeat(aHeartbeat({ workers }));
    const explained = await explain(queen, "model=m&backend=cuda");
    expect(explained).toMatchObject({
      ...{ policy: "best", model: "m", resolved: ["m"], chosen: { hive_id: "desk", worker_id: "w3", model: "m" } },
      candidates: [
        { worker_id: "w3", score: 0, requests: 0, slots: 2 },
        { worker_id: "w1", score: 50, reason: "outscored" },
        { worker_id: "w2", reason: "other_backend" },
      ],
    });
    expect(await explain(queen, "model=m&backend=cuda")).toEqual(explained);
    expect(await queen.stats()).toMatchObject({ reservations: { active: 0 } });
    expect(await explain(queen, "model=nothing")).toMatchObject({ resolved: [], candidates: [] });
  });

  test("a wish that a plain question would pass over is refused", async () => {
    const queen = await aQueen();
    const { status, body } = await queen.ask("GET", "/api/v1/route?model=m&backend=cuda");
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { code: "INVALID_REQUEST" } } });
    expect((await queen.ask("GET", "/api/v1/route?model=m&explain=true&label=zone")).status).toBe(400);
  });
});

test("how workers were chosen lately, and what is held at one, can be asked for", async () => {
  const queen = await aQueen();
  await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "m", slots_total: 2 })] }));
  const { worker_id } = aWorker();
  const { reply } = await reserve(queen, { model: "m" });
  const of = `hive_id=desk&worker_id=${worker_id}`;
  expect((await queen.ask("GET", `/api/v1/reservations?${of}`)).body).toMatchObject({
    ...{ reservations: [{ reservation_id: reply.reservation_id, handed_over: false }], left_out: 0 },
  });
  expect((await queen.ask("GET", `/api/v1/choices?${of}`)).body).toMatchObject({
    ...{
      choices: [{ model: "m", chosen: { hive_id: "desk", worker_id }, candidates: [{ worker_id }] }],
      choices_total: 1,
    },
  });
  for (const half of ["/api/v1/choices?worker_id=w", "/api/v1/choices?limit=0", "/api/v1/reservations?hive_id=desk"])
    expect((await queen.ask("GET", half)).body).toMatchObject({ error: { code: "INVALID_REQUEST" } });
});

describe("labels", () => {
  const zone = (value: string) => ({ host: "desk.lan", labels: { zone: value } });

  test("of the catalog come over the hive's own, and limit who is chosen", async () => {
    const queen = await aQueen();
    const workers = [aWorker({ model_id: "m", slots_total: 9 })];
    await queen.heartbeat(aHeartbeat({ workers, labels: { zone: "us", tier: "spot" } }));
    await queen.ask("PUT", "/api/v1/catalog/hives/desk", zone("eu"));
    expect(await queen.hive("desk")).toMatchObject({ labels: { zone: "eu", tier: "spot" } });
    const wish = (labels: object) => reserve(queen, { model: "m", labels });
    expect(await wish({ zone: "eu", tier: "spot" })).toMatchObject({ status: 201, reply: { hive_id: "desk" } });
    expect((await wish({ zone: "us" })).status).toBe(503);
    expect(await explain(queen, "model=m&label=zone=us")).toMatchObject({ candidates: [{ reason: "other_label" }] });
    await queen.ask("DELETE", "/api/v1/catalog/hives/desk");
    expect((await wish({ zone: "us" })).status).toBe(201);
  });

  test("of the catalog are known from the queen's start on, before the hive is heard", async () => {
    const catalog = openCatalog({ kind: "memory" });
    catalog.put("desk", zone("eu"), 1);
    const queen = await aQueen({ catalog });
    const replica = new HiveRegistry({ now: queen.clock.nowMs });
    replica.apply(queen.queen.snapshot());
    queen.queen.registry.subscribe((event) => replica.apply(event));
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "m" })] }));
    expect(await queen.hive("desk")).toMatchObject({ labels: { zone: "eu" } });
    expect(replica.getHiveState("desk")?.labels).toEqual({ zone: "eu" });
  });
});

describe("a place that is given back", () => {
  test("with an error sets the worker aside, and the numbers and listings show it", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "m", slots_total: 4 })] }));
    const end = async (outcome: string) => {
      const { reply } = await reserve(queen, { model: "m" });
      const path = `/api/v1/reservations/${reply.reservation_id}?outcome=${outcome}`;
      return (await queen.ask("DELETE", path)).status;
    };
    expect([await end("cancelled"), await end("ok"), await end("error")]).toEqual([204, 204, 204]);
    expect(await queen.stats()).toMatchObject({
      workers: { set_aside: 1 },
      requests: { completed_total: 1, failed_total: 1 },
    });
    const listed = await queen.ask("GET", "/api/v1/workers/worker-1");
    expect(listed.body).toMatchObject({ set_aside_until_ms: queen.clock.nowMs() + 1_000 });
    expect((await reserve(queen, { model: "m" })).status).toBe(503);
    expect((await queen.ask("DELETE", "/api/v1/reservations/x?outcome=fine")).status).toBe(400);
  });

  test("wakes who waits as soon as the worker may be tried again", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "m", slots_total: 4 })] }));
    const { reply } = await reserve(queen, { model: "m" });
    await queen.ask("DELETE", `/api/v1/reservations/${reply.reservation_id}?outcome=error`);
    const waiting = queen.queen.reserve({ model: "m", wait_ms: 5_000 });
    queen.clock.advance(1_000);
    expect(await waiting).toMatchObject({ hive_id: "desk" });
  });
});
