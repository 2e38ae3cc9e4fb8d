import { describe, expect, test } from "vitest";
import type { Emulator } from "../emulator.ts";
import { anEmulator, ask, look, NEVER, post } from "../testing/an-emulator.ts";
import { EMULATOR_KINDS, type EmulatorKind, KINDS } from "./kinds.ts";

/** Whether a server is of a kind, as somebody sees who knows only what servers answer. */
type Recognise = (server: Emulator) => Promise<boolean>;

const has = (value: unknown, ...names: readonly string[]): boolean =>
  typeof value === "object" && value !== null && names.every((name) => name in value);
const firstOf = (value: unknown, list: string): Readonly<Record<string, unknown>> | undefined =>
  (value as Readonly<Record<string, readonly Readonly<Record<string, unknown>>[] | undefined>> | undefined)?.[
    list
  ]?.[0];
const header = async (server: Emulator) => (await look(server, "/")).headers.get("server") ?? "";

/** In this order: emulators come before what they emulate. */
const FINGERPRINTS: readonly (readonly [EmulatorKind, Recognise])[] = [
  ["koboldcpp", async (one) => has((await look(one, "/api/extra/version")).json, "result", "version")],
  ["localai", async (one) => has((await look(one, "/.well-known/localai.json")).json, "version", "endpoints")],
  ["llama-swap", async (one) => has((await look(one, "/running")).json, "running")],
  ["tgi", async (one) => has((await look(one, "/info")).json, "router", "max_concurrent_requests")],
  ["sglang", async (one) => has((await look(one, "/get_model_info")).json, "model_path", "is_generation")],
  ["lm-studio", async (one) => has(firstOf((await look(one, "/api/v0/models")).json, "data"), "state")],
  ["ollama", async (one) => (await look(one, "/")).text === "Ollama is running"],
  ["llama-server", async (one) => (await header(one)) === "llama.cpp"],
  ["llama-cpp", async (one) => has((await look(one, "/health")).json, "slots_idle", "queue_depth")],
  ["vllm", async (one) => firstOf((await look(one, "/v1/models")).json, "data")?.owned_by === "vllm"],
  ["mlx", async (one) => (await header(one)).startsWith("BaseHTTP/")],
  ["openai-compatible", async (one) => has((await look(one, "/v1/models")).json, "data")],
];

test.each(EMULATOR_KINDS)("%s is told from all others by what it answers", async (kind) => {
  const server = await anEmulator(kind);
  for (const [name, recognise] of FINGERPRINTS) {
    if (await recognise(server)) return expect(name).toBe(kind);
  }
  expect.unreachable("no kind knows it");
});

test("who asks for the emulated one first is fooled: KoboldCpp has llama-server's /props, LocalAI Ollama's API", async () => {
  const [koboldcpp, localai] = [await anEmulator("koboldcpp"), await anEmulator("localai")];
  expect((await look(koboldcpp, "/props")).json).toMatchObject({ default_generation_settings: { n_ctx: 8_192 } });
  expect((await look(koboldcpp, "/api/tags")).json).toMatchObject({ models: [{ name: "koboldcpp" }] });
  expect((await look(localai, "/api/version")).json).toEqual({ version: "0.9.0" });
  expect((await look(localai, "/api/ps")).json).toMatchObject({ models: [{ name: "model" }] });
});

/** What the sources show, by kind and path; every name of theirs must be there, with a value of the same type. */
const SAMPLES: readonly (readonly [EmulatorKind, string, object])[] = [
  [
    ...(["llama-server", "/v1/models"] as const),
    {
      object: "list",
      data: [
        {
          ...{ id: "q.gguf", aliases: [], tags: [], object: "model", created: 1735142223, owned_by: "llamacpp" },
          architecture: { input_modalities: ["text"], output_modalities: ["text"] },
          meta: {
            ...{ vocab_type: 2, n_vocab: 128256, n_ctx_train: 131072, n_embd: 4096 },
            ...{ n_params: 8030261312, size: 4912898304 },
          },
        },
      ],
    },
  ],
  [
    ...(["llama-server", "/props"] as const),
    {
      default_generation_settings: { n_ctx: 8192, params: { n_predict: -1, temperature: 0.8 } },
      ...{ total_slots: 4, model_path: "/models/q.gguf", chat_template: "...", build_info: "b9478-23e6dab8" },
      ...{ modalities: { vision: false, audio: false }, is_sleeping: false },
    },
  ],
  [
    ...(["llama-server", "/slots"] as const),
    [
      {
        ...{ id: 0, id_task: 135, n_ctx: 65536, speculative: false, is_processing: true, params: { n_predict: -1 } },
        next_token: { has_next_token: true, has_new_line: true, n_remain: -1, n_decoded: 136 },
      },
    ],
  ],
  [
    ...(["ollama", "/api/ps"] as const),
    {
      models: [
        {
          ...{ name: "mistral:latest", model: "mistral:latest", size: 5137025024, digest: "2ae6f6dd" },
          details: {
            ...{ parent_model: "", format: "gguf", family: "llama", families: ["llama"] },
            ...{ parameter_size: "7.2B", quantization_level: "Q4_0" },
          },
          ...{ expires_at: "2024-06-04T14:38:31.83753-07:00", size_vram: 5137025024, context_length: 4096 },
        },
      ],
    },
  ],
  [
    ...(["vllm", "/v1/models"] as const),
    {
      object: "list",
      data: [
        {
          ...{
            id: "qwen",
            object: "model",
            created: 1760000000,
            owned_by: "vllm",
            root: "Qwen/Qwen3-8B",
            parent: null,
          },
          max_model_len: 32768,
          permission: [
            {
              ...{ id: "modelperm-abc", object: "model_permission", created: 1760000000, allow_create_engine: false },
              ...{ allow_sampling: true, organization: "*", group: null, is_blocking: false },
            },
          ],
        },
      ],
    },
  ],
  [
    ...(["sglang", "/v1/loads?include=core"] as const),
    {
      ...{ timestamp: "2026-08-20T10:00:00.000000+00:00", version: "0.5.15", num_accelerators: 1 },
      loads: [
        {
          ...{ dp_rank: 0, timestamp: 1787220000, num_running_reqs: 3, num_waiting_reqs: 1, num_used_tokens: 12385 },
          ...{ num_total_tokens: 14000, max_total_num_tokens: 442000, token_usage: 0.028, gen_throughput: 86.5 },
          ...{ cache_hit_rate: 0.4, utilization: 0.03, max_running_requests: 2048 },
        },
      ],
    },
  ],
  [...(["sglang", "/get_load"] as const), [{ dp_rank: 0, num_reqs: 4, num_waiting_reqs: 1, num_tokens: 12385 }]],
  [
    ...(["lm-studio", "/api/v0/models"] as const),
    {
      object: "list",
      data: [
        {
          ...{ id: "qwen2-vl", object: "model", type: "vlm", publisher: "mlx-community", arch: "qwen2_vl" },
          ...{ compatibility_type: "mlx", quantization: "4bit", state: "not-loaded", max_context_length: 32768 },
        },
      ],
    },
  ],
  [
    ...(["lm-studio", "/api/v1/models"] as const),
    {
      models: [
        {
          ...{ type: "llm", publisher: "google", key: "gemma", display_name: "Gemma 3 4B", architecture: "gemma3" },
          ...{ quantization: { name: "Q4_K_M", bits_per_weight: 4 }, size_bytes: 3341000000, params_string: "4B" },
          loaded_instances: [{ id: "gemma", config: { context_length: 4096, parallel: 4, flash_attention: true } }],
          ...{ max_context_length: 131072, format: "gguf", capabilities: { vision: true } },
        },
      ],
    },
  ],
  [
    ...(["tgi", "/info"] as const),
    {
      ...{ model_id: "...", model_sha: "...", model_pipeline_tag: "text-generation", max_concurrent_requests: 128 },
      ...{ max_best_of: 2, max_stop_sequences: 4, max_input_tokens: 4095, max_total_tokens: 4096 },
      ...{ validation_workers: 2, max_client_batch_size: 4, router: "text-generation-router", version: "3.3.7" },
      ...{ sha: null, docker_label: null },
    },
  ],
  [...(["localai", "/system"] as const), { backends: ["a"], loaded_models: [{ id: "a", backend: "llama-cpp" }] }],
  [
    ...(["llama-swap", "/running"] as const),
    {
      running: [
        {
          ...{ model: "q", state: "ready", cmd: "...", proxy: "http://127.0.0.1:5800", ttl: 0 },
          ...{ name: "", description: "" },
        },
      ],
    },
  ],
  [
    ...(["koboldcpp", "/api/extra/perf"] as const),
    {
      ...{ last_process: 0, last_eval: 0, last_token_count: 0, last_seed: -1, total_gens: 0, stop_reason: -1 },
      ...{ total_img_gens: 0, queue: 0, idle: 1, uptime: 120 },
    },
  ],
  [
    ...(["llama-cpp", "/health"] as const),
    { status: "ok", model: "m", slots_total: 4, slots_busy: 0, queue_depth: 0, slots_idle: 4 },
  ],
];

/** The types of what a sample shows, taken from an answer: the same tree when the answer has all of it. */
function typesOf(sample: unknown, answer: unknown): unknown {
  if (Array.isArray(sample)) {
    return sample.length === 0 ? Array.isArray(answer) : [typesOf(sample[0], (answer as unknown[] | undefined)?.[0])];
  }
  if (typeof sample !== "object" || sample === null) return answer === null ? "null" : typeof answer;
  const given = answer as Readonly<Record<string, unknown>> | undefined;
  return Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, typesOf(value, given?.[name])]));
}

test.each(SAMPLES)("%s answers %s with all that its source shows", async (kind, path, sample) => {
  const { status, json } = await look(await anEmulator(kind), path);
  expect(status).toBe(200);
  expect(typesOf(sample, json)).toEqual(typesOf(sample, sample));
});

test.each(EMULATOR_KINDS)("%s lists its models with /v1/models", async (kind) => {
  const { json } = await look(await anEmulator(kind, { models: ["a"] }), "/v1/models");
  const id = kind === "koboldcpp" ? "koboldcpp/a" : "a";
  expect(json).toMatchObject({ object: "list", data: [{ id, object: "model" }] });
  const owner = firstOf(json, "data")?.owned_by;
  expect(typeof owner).toBe(kind === "mlx" || kind === "localai" ? "undefined" : "string");
});

describe("how much runs and waits is told where the kind tells it", () => {
  const gauge = (name: string) => async (server: Emulator, path: string) => {
    const line = (await look(server, path)).text.split("\n").find((one) => one.startsWith(name));
    return Number(line?.split(" ").at(-1));
  };
  const field =
    (...names: readonly (string | number)[]) =>
    async (server: Emulator, path: string) =>
      names.reduce<unknown>(
        (value, name) => (value as Record<string | number, unknown>)[name],
        (await look(server, path)).json,
      );
  const counted = async (server: Emulator, path: string) =>
    ((await look(server, path)).json as readonly { readonly is_processing: boolean }[]).filter(
      (one) => one.is_processing,
    ).length;

  test.each([
    ["llama-server", "/metrics", gauge("llamacpp:requests_processing"), 3],
    ["llama-server", "/metrics", gauge("llamacpp:requests_deferred"), 5],
    ["llama-server", "/slots", counted, 3],
    ["llama-server", "/props", field("total_slots"), 4],
    ["vllm", "/metrics", gauge('vllm:num_requests_running{engine="0",model_name="model"}'), 3],
    ["vllm", "/metrics", gauge("vllm:num_requests_waiting{"), 5],
    ["vllm", "/metrics", gauge("vllm:kv_cache_usage_perc{"), 0.25],
    ["sglang", "/v1/loads?include=core", field("loads", 0, "num_running_reqs"), 3],
    ["sglang", "/v1/loads?include=core", field("loads", 0, "num_waiting_reqs"), 5],
    ["sglang", "/v1/loads?include=core", field("loads", 0, "token_usage"), 0.25],
    ["sglang", "/get_load", field(0, "num_reqs"), 8],
    ["sglang", "/metrics", gauge("sglang:num_running_reqs{"), 3],
    ["sglang", "/metrics", gauge("sglang:num_queue_reqs{"), 5],
    ["tgi", "/metrics", gauge("tgi_batch_current_size"), 3],
    ["tgi", "/metrics", gauge("tgi_queue_size"), 5],
    ["tgi", "/info", field("max_concurrent_requests"), 68],
    ["koboldcpp", "/api/extra/perf", field("queue"), 5],
    ["llama-cpp", "/health", field("slots_busy"), 3],
    ["llama-cpp", "/health", field("queue_depth"), 5],
    ["llama-cpp", "/metrics", gauge("hive_registry_worker_slots_busy"), 3],
  ] as const)("%s %s", async (kind, path, read, expected) => {
    const server = await anEmulator(kind, { slots: 4 });
    await server.control({ running: 3, queued: 5, kv: 0.25 });
    expect(await read(server, path)).toBe(expected);
  });

  test("KoboldCpp, which does one thing at a time, is idle or is not", async () => {
    const server = await anEmulator("koboldcpp");
    expect((await look(server, "/api/extra/perf")).json).toMatchObject({ idle: 1, queue: 0 });
    await server.control({ state: "busy" });
    expect((await look(server, "/api/extra/perf")).json).toMatchObject({ idle: 0, queue: 0 });
  });

  test("TGI says nothing of its load until there was a request", async () => {
    const server = await anEmulator("tgi");
    expect((await look(server, "/metrics")).text).toBe("");
    await ask(server);
    expect((await look(server, "/metrics")).text).toContain("tgi_queue_size 0\n");
  });

  test("llama-server says 503 where a slot is demanded and all are taken", async () => {
    const server = await anEmulator("llama-server");
    expect((await look(server, "/slots?fail_on_no_slot=1")).status).toBe(200);
    await server.control({ state: "busy" });
    expect((await look(server, "/slots?fail_on_no_slot=1")).status).toBe(503);
  });
});

describe("while it loads", () => {
  test("llama-server answers 503 to whatever is asked, before it looks at keys", async () => {
    const server = await anEmulator("llama-server", { key: "secret" });
    await server.control({ state: "loading" });
    for (const path of ["/health", "/v1/models", "/slots", "/nowhere"]) {
      const { status, json, headers } = await look(server, path);
      expect([status, headers.get("server")]).toEqual([503, "llama.cpp"]);
      expect(json).toEqual({ error: { message: "Loading model", type: "unavailable_error", code: 503 } });
    }
  });

  const silent = EMULATOR_KINDS.filter((kind) => KINDS[kind].silentWhileLoading === true);
  test("vLLM, SGLang, TGI and KoboldCpp are silent", () => {
    expect(silent.toSorted()).toEqual(["koboldcpp", "sglang", "tgi", "vllm"]);
  });

  test.each(silent)("%s refuses connections, and has the same port when it is ready", async (kind) => {
    const server = await anEmulator(kind);
    const { url } = server;
    await server.control({ state: "loading" });
    await expect(fetch(`${url}/v1/models`)).rejects.toThrow();
    await server.control({ state: "ready" });
    expect(server.url).toBe(url);
    expect((await look(server, "/v1/models")).status).toBe(200);
  });

  test.each([
    ["llama-cpp", "/health", 503, { error: { type: "unavailable_error", code: "loading" } }],
    ["localai", "/readyz", 503, { status: "starting", reason: "startup preload in progress" }],
    ["openai-compatible", "/v1/models", 503, { error: { type: "server_error" } }],
    ["mlx", "/health", 200, { status: "ok" }],
    ["ollama", "/api/ps", 200, { models: [] }],
    ["llama-swap", "/running", 200, { running: [{ model: "model", state: "starting" }] }],
    ["lm-studio", "/api/v0/models", 200, { data: [{ id: "model", state: "not-loaded" }] }],
  ] as const)("%s answers %s with %i", async (kind, path, status, shape) => {
    const server = await anEmulator(kind);
    await server.control({ state: "loading" });
    const answer = await look(server, path);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject(shape);
  });
});

describe("without its key", () => {
  const BEARER = { authorization: "Bearer secret" };

  test.each([
    ["llama-server", "/props", { error: { message: "Invalid API Key", type: "authentication_error", code: 401 } }],
    ["vllm", "/v1/models", { error: "Unauthorized" }],
    ["sglang", "/v1/loads", { error: "Unauthorized" }],
    ["lm-studio", "/api/v0/models", { error: { code: "invalid_api_key" } }],
    ["localai", "/system", { error: { code: 401 } }],
    ["llama-swap", "/running", { src: "llama-swap" }],
    ["llama-cpp", "/v1/models", { error: { code: "invalid_api_key" } }],
    ["openai-compatible", "/v1/models", { error: { code: "invalid_api_key" } }],
  ] as const)("%s refuses %s, and with it does not", async (kind, path, shape) => {
    const server = await anEmulator(kind, { key: "secret" });
    const { status, json } = await look(server, path);
    expect(status).toBe(401);
    expect(json).toMatchObject(shape);
    expect((await look(server, path, { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await look(server, path, BEARER)).status).toBe(200);
    const alsoTakes = ["llama-server", "llama-swap", "llama-cpp"].includes(kind);
    expect((await look(server, path, { "x-api-key": "secret" })).status).toBe(alsoTakes ? 200 : 401);
  });

  test.each([
    ["llama-server", ["/health", "/v1/models", "/"]],
    ["vllm", ["/health", "/metrics", "/version"]],
    ["sglang", ["/metrics"]],
    ["tgi", ["/health", "/info", "/metrics", "/v1/models"]],
    ["ollama", ["/", "/api/version", "/api/ps", "/v1/models"]],
    ["localai", ["/healthz", "/readyz", "/.well-known/localai.json"]],
    ["llama-swap", ["/health"]],
    ["mlx", ["/health", "/v1/models"]],
    ["koboldcpp", ["/api/extra/version", "/api/extra/perf"]],
    ["llama-cpp", ["/health"]],
  ] as const)("%s leaves %j open", async (kind, paths) => {
    const server = await anEmulator(kind, { key: "secret" });
    for (const path of paths) expect([path, (await look(server, path)).status]).toEqual([path, 200]);
  });

  test("TGI refuses work with an empty body, and KoboldCpp hides its model's name", async () => {
    const [tgi, koboldcpp] = [await anEmulator("tgi", { key: "k" }), await anEmulator("koboldcpp", { key: "k" })];
    const refused = await ask(tgi);
    expect([refused.status, await refused.text()]).toEqual([401, ""]);
    expect((await look(koboldcpp, "/api/v1/model")).json).toEqual({ result: "koboldcpp/protected-model" });
    expect((await look(koboldcpp, "/api/v1/model", { authorization: "Bearer k" })).json).toEqual({
      result: "koboldcpp/model",
    });
  });

  test("llama-swap asks browsers for it", async () => {
    const { headers } = await look(await anEmulator("llama-swap", { key: "k" }), "/v1/models");
    expect(headers.get("www-authenticate")).toBe('Basic realm="llama-swap"');
  });
});

describe("what it does not have", () => {
  test.each([
    ["llama-server", 404, '{"error":{"message":"File Not Found","type":"not_found_error","code":404}}'],
    ["ollama", 404, "404 page not found"],
    ["vllm", 404, '{"detail":"Not Found"}'],
    ["sglang", 404, '{"detail":"Not Found"}'],
    ["tgi", 404, ""],
    ["mlx", 404, "Not Found"],
    // A status alone tells nothing of it.
    ["lm-studio", 200, '{"error":"Unexpected endpoint or method. (GET /nowhere)"}'],
  ] as const)("%s answers with %i", async (kind, status, text) => {
    expect(await look(await anEmulator(kind), "/nowhere")).toMatchObject({ status, text });
  });

  test("is also what was switched off, each in its own words", async () => {
    const without = ["/metrics", "/slots", "/v1/loads"];
    const [llama, sglang] = [await anEmulator("llama-server", { without }), await anEmulator("sglang", { without })];
    expect((await look(llama, "/metrics")).json).toMatchObject({ error: { type: "not_supported_error", code: 501 } });
    expect((await look(llama, "/slots")).status).toBe(501);
    expect((await look(sglang, "/v1/loads")).status).toBe(404);
    expect((await look(sglang, "/get_load")).status).toBe(200);
  });

  test.each([
    ["ollama", 404, { error: { message: 'model "other" not found, try pulling it first', type: "not_found_error" } }],
    ["vllm", 404, { error: { message: "The model `other` does not exist.", type: "NotFoundError", code: 404 } }],
    ["llama-cpp", 404, { error: { code: "model_not_found", param: "model" } }],
    ["llama-swap", 404, { src: "llama-swap", error: { message: "no router for model other" } }],
  ] as const)("%s says so of a model", async (kind, status, shape) => {
    const answer = await post(await anEmulator(kind), "/v1/chat/completions", { model: "other", messages: [] });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject(shape);
  });

  test("ollama means the latest when a name says nothing else", async () => {
    const server = await anEmulator("ollama", { models: ["llama3.2:latest", "qwen3:8b"] });
    const statusOf = async (model: string) =>
      (await post(server, "/v1/chat/completions", { model, messages: [{ role: "user", content: "Hello" }] })).status;
    expect(await Promise.all(["llama3.2", "llama3.2:latest", "qwen3:8b", "qwen3"].map(statusOf))).toEqual([
      200, 200, 200, 404,
    ]);
  });
});

describe("when it cannot work", () => {
  test.each([
    ["vllm", "/health", 503, ""],
    ["sglang", "/health", 503, ""],
    ["tgi", "/health", 503, '{"error":"unhealthy","error_type":"healthcheck"}'],
    ["llama-server", "/health", 500, '{"status":"error"}'],
    // These do not know it of themselves.
    ["ollama", "/", 200, "Ollama is running"],
    ["mlx", "/health", 200, '{"status":"ok"}'],
    ["llama-swap", "/health", 200, "OK"],
  ] as const)("%s answers %s with %i", async (kind, path, status, text) => {
    const server = await anEmulator(kind);
    await server.control({ state: "broken" });
    expect(await look(server, path)).toMatchObject({ status, text });
  });

  test.each(EMULATOR_KINDS)("%s fails whatever is asked of its model", async (kind) => {
    const server = await anEmulator(kind);
    await server.control({ state: "broken" });
    const { status } = await ask(server);
    // mlx-lm and TGI have numbers of their own for it.
    expect(status).toBe(kind === "mlx" ? 404 : kind === "tgi" ? 424 : 500);
  });
});

test.each([
  ["ollama", 503, { error: { message: "server busy, please try again.  maximum pending requests exceeded" } }],
  ["tgi", 429, { error: "Model is overloaded", error_type: "overloaded" }],
  ["koboldcpp", 503, { detail: { type: "service_unavailable" } }],
  ["llama-cpp", 503, { error: { code: "queue_full" } }],
] as const)("%s sends away who is too much with %i", async (kind, status, shape) => {
  const server = await anEmulator(kind, { slots: 1, queueMax: 0, beforeToken: NEVER });
  await server.control({ state: "busy" });
  const answer = await ask(server);
  expect(answer.status).toBe(status);
  expect(await answer.json()).toMatchObject(shape);
  expect(server.status()).toMatchObject({ overloaded: 1, answered: 0 });
});
