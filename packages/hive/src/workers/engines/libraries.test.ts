/** Servers that list more than they have in memory, and what is told of models and numbers at all. */
import { expect, test } from "vitest";
import { bundledWorker } from "./bundled-worker.ts";
import { koboldCpp } from "./koboldcpp.ts";
import { llamaSwap } from "./llama-swap.ts";
import { lmStudio } from "./lm-studio.ts";
import { localAi } from "./localai.ts";
import { mlx } from "./mlx.ts";
import { ollama } from "./ollama.ts";
import { openAiCompatible } from "./openai-compatible.ts";
import type { Probe } from "./server-engine.ts";
import { recognise } from "./server-engines.ts";
import { aServer } from "./testing/a-server.ts";
import { but, models, type Pages, page } from "./testing/sample.ts";
import { READY as BUNDLED } from "./testing/samples/bundled-worker.ts";
import { READY as KOBOLD } from "./testing/samples/koboldcpp.ts";
import { STARTING as SWAP_STARTING } from "./testing/samples/llama-swap.ts";
import { READY as LM_STUDIO, OLD_LIST, UNEXPECTED } from "./testing/samples/lm-studio.ts";
import { READY as LOCALAI } from "./testing/samples/localai.ts";
import { listed, READY as MLX } from "./testing/samples/mlx.ts";
import { ollamaSamples } from "./testing/samples/ollama.ts";
import { READY as TGI } from "./testing/samples/tgi.ts";
import { tgi } from "./tgi.ts";

const loadedIn = (probe: Probe | undefined) => probe?.models.map(({ id, loaded }) => [id, loaded]);

test("Ollama with nothing loaded is ready, with its library", async () => {
  const { server } = await aServer(but(ollamaSamples.ready.pages, { "/api/ps": page(200, { models: [] }) }));
  const probe = await ollama.probe(server);
  expect(probe?.state).toBe("ready");
  expect(loadedIn(probe)).toEqual([
    ["mistral:latest", false],
    ["qwen3:8b", false],
  ]);
});

test("Ollama on the CPU holds no VRAM, and says so with 0", async () => {
  const onCpu = { models: [{ name: "tiny:1b", size: 1_000, size_vram: 0 }] };
  const { server } = await aServer(but(ollamaSamples.ready.pages, { "/api/ps": page(200, onCpu) }));
  expect((await ollama.probe(server))?.models[0]).toEqual({
    id: "tiny:1b",
    loaded: true,
    size_bytes: 1_000,
    vram_bytes: 0,
  });
});

test.each<[string, Pages]>([
  ["before 0.4, which does not know the newer list", but(LM_STUDIO, { "/api/v1/models": page(404, "") })],
  ["that answers what it does not know with 200", but(LM_STUDIO, { "/api/v1/models": UNEXPECTED })],
])("LM Studio %s is read by its older one, which is then asked at once", async (_, pages) => {
  const { server, asked } = await aServer(but(pages, { "/api/v0/models": OLD_LIST }));
  const expected = {
    models: [
      { id: "google/gemma-3-4b", loaded: true, context_tokens: 4_096 },
      { id: "qwen2-vl-7b-instruct", loaded: false, context_tokens: 32_768 },
    ],
    slots_total: null,
  };
  expect(await lmStudio.probe(server)).toMatchObject(expected);
  asked.length = 0;
  expect(await lmStudio.probe(server)).toMatchObject(expected);
  expect(asked).toEqual(["GET /api/v0/models"]);
});

test("LM Studio without a model is recognised by its newer list", async () => {
  const { server } = await aServer(
    but(LM_STUDIO, { "/api/v0/models": models(), "/api/v1/models": page(200, { models: [] }) }),
  );
  expect((await recognise(server))?.name).toBe("lm-studio");
  expect(await lmStudio.probe(server)).toMatchObject({ state: "ready", models: [], slots_total: null });
});

test("mlx with a whole cache of models does not tell which is in memory, unless one is a path", async () => {
  const { server, answer } = await aServer(but(MLX, { "/v1/models": listed("a", "b") }));
  expect(await mlx.probe(server)).toMatchObject({ message: expect.stringContaining("does not tell") });
  const other = await aServer(but(MLX, { "/v1/models": listed("a", "b", "/models/own") }));
  expect(loadedIn(await mlx.probe(other.server))).toEqual([
    ["/models/own", true],
    ["a", false],
    ["b", false],
  ]);
  answer(MLX);
});

test("a server that is written like mlx's and is another one is not taken for it", async () => {
  const owned = {
    ...models({ id: "m", object: "model", owned_by: "somebody" }),
    headers: { server: "BaseHTTP/0.6 Python/3.12.4" },
  };
  const { server } = await aServer(but(MLX, { "/v1/models": owned }));
  expect((await recognise(server))?.name).toBe("openai-compatible");
});

test("LocalAI whose /system is closed tells its library alone, and why", async () => {
  const { server } = await aServer(but(LOCALAI, { "/system": page(403, { error: { message: "admins only" } }) }));
  const probe = await localAi.probe(server);
  expect(probe).toMatchObject({ state: "ready", message: expect.stringContaining("in memory") });
  expect(loadedIn(probe)).toEqual([
    ["gemma", false],
    ["whisper-1", false],
  ]);
});

test("llama-swap that starts a model does not have it yet", async () => {
  const { server } = await aServer(SWAP_STARTING);
  expect(loadedIn(await llamaSwap.probe(server))).toEqual([
    ["q", false],
    ["big", false],
  ]);
});

test("KoboldCpp without a model serves none", async () => {
  const { server } = await aServer(but(KOBOLD, { "/api/v1/model": page(200, { result: "inactive" }) }));
  expect(await koboldCpp.probe(server)).toMatchObject({ state: "ready", models: [] });
});

test("a model whose name no heartbeat could carry is passed over, and the others are told", async () => {
  const names = ["good", "", "..", "__proto__", "line\nbreak", "x".repeat(513), 7, null, "good"];
  const { server } = await aServer({ otherwise: models(...names.map((id) => ({ id, object: "model" }))) });
  expect((await openAiCompatible.probe(server))?.models).toEqual([{ id: "good", loaded: true }]);
});

test("a number that no heartbeat could carry is not known, and the largest that it can is", async () => {
  const health = (slots_total: unknown) =>
    page(200, { status: "ok", model: "demo", slots_total, slots_busy: 0, queue_depth: 1e9 });
  const { server, answer } = await aServer(but(BUNDLED, { "/health": health(1_000_000) }));
  expect(await bundledWorker.probe(server)).toMatchObject({
    state: "ready",
    slots_total: 1_000_000,
    queue_depth: null,
  });
  const sizes = [
    { name: "huge", size: 1e16, context_length: -1 },
    { name: "large", size: 1e15, context_length: 0.5 },
  ];
  answer(but(ollamaSamples.ready.pages, { "/api/ps": page(200, { models: sizes }), "/api/tags": page(200, {}) }));
  expect((await ollama.probe(server))?.models).toEqual([
    { id: "huge", loaded: true },
    { id: "large", loaded: true, size_bytes: 1e15 },
  ]);
});

test.each([
  ["an empty batch in no room", 0, 0, null],
  ["more than all the room", 5_000, 4_096, 100],
])("a cache that holds %s, %i of %i tokens, is not told wrong", async (_, now, room, expected) => {
  const text = `tgi_batch_current_max_tokens ${now}\ntgi_batch_max_total_tokens ${room}\n`;
  const { server } = await aServer(but(TGI, { "/metrics": page(200, text) }));
  expect(await tgi.probe(server)).toMatchObject({ slots_busy: null, kv_cache_percent: expected });
});

test("of thousands of models as many are told as a heartbeat may carry, those in memory first", async () => {
  const names = Array.from({ length: 3_000 }, (_, at) => ({ name: `m${at}` }));
  const { server } = await aServer(
    but(ollamaSamples.ready.pages, {
      "/api/tags": page(200, { models: names }),
      "/api/ps": page(200, { models: [{ name: "m2999" }] }),
    }),
  );
  const probe = await ollama.probe(server);
  expect(probe?.models).toHaveLength(1_024);
  expect(probe?.models[0]).toEqual({ id: "m2999", loaded: true });
});

test.each([
  ["a queen's gateway is no worker, for its requests would go in a circle", "hive"],
  ["nor is a fake worker, which belongs to a fake hive", "hive-simulation"],
])("%s", async (_title, owned_by) => {
  const { server } = await aServer({
    otherwise: page(404, ""),
    "/v1/models": models({ id: "m", object: "model", created: 0, owned_by }),
  });
  expect(await recognise(server)).toBeUndefined();
});

test("an interface about cars whose models have ids is no worker", async () => {
  const { server } = await aServer({ otherwise: page(404, ""), "/v1/models": page(200, { data: [{ id: "beetle" }] }) });
  expect(await recognise(server)).toBeUndefined();
});
