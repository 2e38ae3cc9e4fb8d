import { expect, test } from "vitest";
import { IDLE_ANSWERS } from "./idle-pauses.ts";
import { KEPT_FOR_PROBES } from "./kept.ts";
import { llamaServer } from "./llama-server.ts";
import { recognise } from "./server-engines.ts";
import { aServer } from "./testing/a-server.ts";
import { but, models, type Page, page } from "./testing/sample.ts";
import { NO_METRICS, PROPS, READY, SLOTS } from "./testing/samples/llama-server.ts";
import { CAPTURED_BUSY_WITHOUT_METRICS } from "./testing/samples/llama-server-captured.ts";

const NAMED = { server: "llama.cpp" };

test("whose metrics are off is read by its slots, and the metrics are not tried each time", async () => {
  const { server, asked } = await aServer(but(READY, { "/metrics": NO_METRICS }));
  for (let probe = 0; probe <= KEPT_FOR_PROBES; probe += 1) {
    expect(await llamaServer.probe(server)).toMatchObject({ slots_total: 4, slots_busy: 3, queue_depth: null });
  }
  expect(asked.filter((question) => question === "GET /metrics")).toHaveLength(1);
  expect(asked.filter((question) => question === "GET /slots")).toHaveLength(KEPT_FOR_PROBES + 1);
});

test("that says so itself is asked nothing in vain", async () => {
  const off = page(200, { ...PROPS, endpoint_metrics: false, endpoint_slots: true }, NAMED);
  const { server, asked } = await aServer(but(READY, { "/props": off, "/metrics": NO_METRICS }));
  expect(await llamaServer.probe(server)).toMatchObject({ slots_busy: 3 });
  expect(asked).not.toContain("GET /metrics");
});

test("as a real one answered with its metrics off, tells by its slots that three streams ran", async () => {
  const { server, asked } = await aServer(CAPTURED_BUSY_WITHOUT_METRICS);
  expect(await llamaServer.probe(server)).toMatchObject({ slots_total: 4, slots_busy: 3, queue_depth: null });
  expect(asked).not.toContain("GET /metrics");
});

test("whose metrics are off is asked for its slots less and less while it is idle, so that it can fall asleep", async () => {
  const idle = page(200, [{ is_processing: false }, { is_processing: false }], NAMED);
  const busy = page(200, [{ is_processing: true }, { is_processing: false }], NAMED);
  const without = (slots: Page) => but(READY, { "/metrics": NO_METRICS, "/slots": slots });
  const { server, asked, answer } = await aServer(without(idle));
  const slotsAsked = () => asked.filter((question) => question === "GET /slots").length;
  for (let probe = 0; probe < 200; probe++) await llamaServer.probe(server);
  // Eight answers, then pauses of 1, 2, 4, 8, 16, 32 and 64 probes.
  expect(slotsAsked()).toBe(IDLE_ANSWERS + 7);
  expect(await llamaServer.probe(server)).toMatchObject({ state: "ready", slots_total: 4, slots_busy: null });
  answer(without(busy));
  for (let probe = 0; probe < 200; probe++) await llamaServer.probe(server);
  expect(slotsAsked()).toBeGreaterThan(100);
});

test("whose slots are hidden too tells nothing of its load", async () => {
  const { server } = await aServer(but(READY, { "/metrics": NO_METRICS, "/slots": NO_METRICS }));
  expect(await llamaServer.probe(server)).toMatchObject({
    ...{ state: "ready", slots_total: 4, slots_busy: null, queue_depth: null },
  });
});

test("with a slot that does not say whether it works tells nothing of its load", async () => {
  const slots = page(200, [...(SLOTS.body as object[]), { id: 4 }], NAMED);
  const { server } = await aServer(but(READY, { "/metrics": NO_METRICS, "/slots": slots }));
  expect(await llamaServer.probe(server)).toMatchObject({ slots_busy: null });
});

test("that sleeps is left asleep", async () => {
  const { server, asked } = await aServer(but(READY, { "/props": page(200, { ...PROPS, is_sleeping: true }, NAMED) }));
  expect(await llamaServer.probe(server)).toMatchObject({ state: "ready", slots_busy: 0, queue_depth: 0 });
  expect(asked).toEqual(["GET /health", "GET /props", "GET /v1/models"]);
});

test("that falls asleep while its metrics are read is left asleep too", async () => {
  const { server, asked, answer } = await aServer(READY);
  await llamaServer.probe(server);
  answer(but(READY, { "/props": page(200, { ...PROPS, is_sleeping: true }, NAMED) }));
  for (let probe = 0; probe <= KEPT_FOR_PROBES; probe += 1) {
    expect(await llamaServer.probe(server)).toMatchObject({ state: "ready", queue_depth: 0 });
  }
  expect((await llamaServer.probe(server))?.message).toContain("sleeps");
  expect(asked).not.toContain("GET /slots");
});

test("that comes back asleep, and without its metrics, is not woken by what was known before", async () => {
  const { server, asked, answer } = await aServer(READY);
  for (let probe = 0; probe < 2; probe += 1) await llamaServer.probe(server);
  const asleep = page(200, { ...PROPS, is_sleeping: true }, NAMED);
  answer(but(READY, { "/props": asleep, "/metrics": NO_METRICS }));
  expect(await llamaServer.probe(server)).toMatchObject({ state: "ready", slots_busy: null });
  expect(await llamaServer.probe(server)).toMatchObject({ state: "ready", slots_busy: 0 });
  expect(asked).not.toContain("GET /slots");
});

test("of an older build tells how full its cache is", async () => {
  const metrics = "llamacpp:requests_processing 2\nllamacpp:kv_cache_usage_ratio 0.5\n";
  const { server } = await aServer(but(READY, { "/metrics": page(200, metrics, NAMED) }));
  expect(await llamaServer.probe(server)).toMatchObject({ slots_busy: 2, queue_depth: null, kv_cache_percent: 50 });
});

test("of a very old build is well though all of its slots are taken, and loading when it says so", async () => {
  const { server, answer } = await aServer(
    but(READY, { "/health": page(503, { status: "no slot available", slots_idle: 0 }) }),
  );
  expect((await llamaServer.probe(server))?.state).toBe("ready");
  answer({ otherwise: page(503, { status: "loading model" }) });
  expect((await llamaServer.probe(server))?.state).toBe("loading");
});

test("that answers its metrics too late is ready all the same", async () => {
  const { server } = await aServer(READY);
  const late = {
    url: server.url,
    get: async (path: string) => (path === "/metrics" ? undefined : await server.get(path)),
  };
  expect(await llamaServer.probe(late)).toMatchObject({ state: "ready", slots_total: 4, slots_busy: null });
});

test.each([
  ["asks which model is meant", page(400, { error: { message: "model name is missing from the request" } }, NAMED)],
  ["says that it is one", page(200, { role: "router", build_info: "b9478" }, NAMED)],
])("that is a router and %s lists what its models' servers hold, and is asked for none of them", async (_, props) => {
  const listed = models(
    { id: "a", object: "model", status: { value: "loaded" } },
    { id: "b", object: "model", status: { value: "sleeping" } },
    { id: "c", object: "model", status: { value: "loading", progress: 0.5 } },
    { id: "d", object: "model", status: { value: "unloaded", failed: true, exit_code: 1 } },
    { id: "e", object: "model" },
  );
  const { server, asked } = await aServer(but(READY, { "/props": props, "/v1/models": { ...listed, headers: NAMED } }));
  const probe = await llamaServer.probe(server);
  expect(probe).toMatchObject({ state: "ready", slots_total: null, slots_busy: null });
  expect(probe?.models.map(({ id, loaded }) => [id, loaded])).toEqual([
    ["a", true],
    ["b", true],
    ["c", false],
    ["d", false],
    ["e", false],
  ]);
  expect(asked).toEqual(["GET /health", "GET /props", "GET /v1/models"]);
});

test("that does not name itself, as a llamafile, is recognised by its properties", async () => {
  const bare = Object.fromEntries(
    Object.entries(READY).map(([path, { status, body }]) => [path, { status: status ?? 200, body }]),
  );
  const { server } = await aServer({ ...bare, otherwise: page(404, "") });
  expect((await recognise(server))?.name).toBe("llama-server");
});

test("is recognised by whatever it answers, with the first question", async () => {
  const { server, asked } = await aServer({ otherwise: page(404, "", { Server: "llama.cpp" }) });
  expect((await recognise(server))?.name).toBe("llama-server");
  expect(asked).toHaveLength(1);
});
