import {
  EMULATOR_KINDS,
  type Emulator,
  type EmulatorKind,
  type EmulatorOptions,
  startEmulator,
} from "@hive-registry/simulation";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../testing/eventually.ts";
import { type HttpServer, httpServer } from "./http-server.ts";
import type { Probe, ServerEngine } from "./server-engine.ts";
import { recognise, SERVER_ENGINES } from "./server-engines.ts";
import { expectWellFormed } from "./testing/expect-well-formed.ts";

/** Kinds that tell how many requests run. */
const TELLS_LOAD: readonly EmulatorKind[] = ["llama-cpp", "llama-server", "vllm", "sglang", "tgi"];
/** Kinds whose port is closed until they are ready. */
const SILENT_WHILE_LOADING: readonly EmulatorKind[] = ["vllm", "sglang", "tgi", "koboldcpp"];
/** Kinds that say that they load. */
const TELLS_LOADING: readonly EmulatorKind[] = ["llama-cpp", "llama-server", "localai", "openai-compatible"];
/** Kinds that show without an inference that they want a key. */
const SHOWS_LOCK: readonly EmulatorKind[] = [
  ...(["llama-cpp", "llama-server", "vllm", "sglang", "localai", "llama-swap", "koboldcpp", "lm-studio"] as const),
  "openai-compatible",
];

async function anEmulator(
  kind: EmulatorKind,
  options: EmulatorOptions = {},
  key?: string,
): Promise<{ emulator: Emulator; server: HttpServer; engine: ServerEngine; read(): Promise<Probe | undefined> }> {
  const emulator = await startEmulator(kind, { models: ["some-model", "another"], slots: 4, ...options });
  const server = httpServer(emulator.url, { key });
  onTestFinished(async () => {
    server.close();
    await emulator.stop();
  });
  const engine = SERVER_ENGINES.find(({ name }) => name === kind) as ServerEngine;
  return { emulator, server, engine, read: () => engine.probe(server) };
}

/** Starts a stream that ends with the test; answers when its first bytes are there. */
async function aStream(url: string): Promise<void> {
  const left = new AbortController();
  onTestFinished(() => left.abort());
  const body = { model: "some-model", stream: true, messages: [{ role: "user", content: "hello" }] };
  const response = await fetch(`${url}/v1/chat/completions`, {
    ...{ method: "POST", body: JSON.stringify(body), signal: left.signal },
    headers: { "content-type": "application/json" },
  });
  const reader = response.body?.getReader();
  await reader?.read();
  reader?.read().catch(() => {});
}

test("every kind has an emulator, and every emulator is of a kind", () => {
  expect(SERVER_ENGINES.map(({ name }) => name).toSorted()).toEqual([...EMULATOR_KINDS].toSorted());
});

test("twelve servers at once are each taken for what they are, and read", async () => {
  const servers = await Promise.all(EMULATOR_KINDS.map((kind) => anEmulator(kind)));
  const found = await Promise.all(servers.map(async ({ server }) => (await recognise(server))?.name));
  expect(found).toEqual([...EMULATOR_KINDS]);
  for (const { read, emulator } of servers) {
    const probe = (await read())!;
    expectWellFormed(probe);
    expect([emulator.kind, probe.state]).toEqual([emulator.kind, "ready"]);
    expect(probe.models.some(({ id, loaded }) => id.endsWith("some-model") && loaded) || emulator.kind === "mlx").toBe(
      true,
    );
    expect(emulator.asked("/v1/chat/completions")).toBe(0);
  }
  expect(servers.find(({ emulator }) => emulator.kind === "sglang")?.emulator.asked("/health")).toBe(0);
});

describe.each(EMULATOR_KINDS.map((kind) => [kind]))("%s", (kind) => {
  test("with three streams in four slots says so, if it says anything", async () => {
    const { emulator, read } = await anEmulator(kind, { slots: 4, beforeToken: () => new Promise(() => {}) });
    await emulator.control({ running: 3 });
    const probe = await read();
    expect(probe?.slots_busy).toBe(TELLS_LOAD.includes(kind) ? 3 : kind === "koboldcpp" ? 1 : null);
  });

  test("that waits to be loaded is not there yet, or says that it loads", async () => {
    const { emulator, server, read } = await anEmulator(kind);
    await emulator.control({ state: "loading" });
    const [found, probe] = [(await recognise(server))?.name, await read()];
    if (SILENT_WHILE_LOADING.includes(kind)) expect([found, probe]).toEqual([undefined, undefined]);
    else if (TELLS_LOADING.includes(kind)) expect(probe?.state).toBe("loading");
    else expect([found, probe?.state]).toEqual([kind, "ready"]);
    await emulator.control({ state: "ready" });
    expect((await recognise(server))?.name).toBe(kind);
    expect((await read())?.state).toBe("ready");
  });

  test("with a key is locked without it, and open with it", async () => {
    const key = "sk-secret";
    const { emulator, server, read } = await anEmulator(kind, { key });
    expect((await recognise(server))?.name).toBe(kind);
    const state = (await read())?.state;
    expect(state).toBe(SHOWS_LOCK.includes(kind) ? "locked" : "ready");
    const keyed = httpServer(emulator.url, { key });
    onTestFinished(() => keyed.close());
    const engine = await recognise(keyed);
    expect(engine?.name).toBe(kind);
    expect((await engine?.probe(keyed))?.state).toBe("ready");
  });

  test.each(["hang", "cut", "garbage", "refuse"] as const)("whose answers %s is not ready", async (fault) => {
    const { emulator, server, engine } = await anEmulator(kind);
    await emulator.control({ fault: { kind: fault } });
    const hasty = { url: server.url, get: (path: string) => server.get(path, { timeoutMs: 100 }) };
    expect((await engine.probe(hasty))?.state).not.toBe("ready");
    // It names itself with every answer, whatever else is in that.
    const isNamed = kind === "llama-server" && fault !== "hang" && fault !== "cut";
    expect((await recognise(hasty))?.name).toBe(isNamed ? kind : undefined);
  });

  test("that was broken or ended is not ready", async () => {
    const { emulator, read } = await anEmulator(kind);
    await emulator.control({ state: "broken" });
    const broken = await read();
    if (broken !== undefined) expectWellFormed(broken);
    await emulator.stop();
    expect(await read()).toBeUndefined();
  });
});

test.each(TELLS_LOAD)(
  "%s tells of real streams: three run, one more waits when all four slots are taken",
  async (kind) => {
    const { emulator, read } = await anEmulator(kind, {
      slots: 4,
      beforeToken: (at) => new Promise((go) => at < 1 && go()),
    });
    for (let stream = 0; stream < 3; stream += 1) await aStream(emulator.url);
    expect(await read()).toMatchObject({ slots_busy: 3, queue_depth: 0 });
    void aStream(emulator.url).catch(() => {});
    void aStream(emulator.url).catch(() => {});
    const full = await eventually("a request waits", async () => {
      const probe = await read();
      return probe?.queue_depth === 1 && probe;
    });
    expect(full).toMatchObject({ slots_busy: 4, queue_depth: 1 });
  },
);

test("an older llama-server, without metrics, is read by its slots", async () => {
  const { emulator, read } = await anEmulator("llama-server", { without: ["/metrics"] });
  await emulator.control({ running: 3 });
  const probe = await read();
  // The emulator says that it has metrics, as a newer build would; what it does counts.
  expect(probe).toMatchObject({ state: "ready", slots_total: 4, slots_busy: 3, queue_depth: null });
});

test("a llama-server that sleeps is not woken", async () => {
  const { emulator, read } = await anEmulator("llama-server");
  await emulator.control({ state: "sleeping" });
  expect(await read()).toMatchObject({
    state: "ready",
    slots_busy: 0,
    queue_depth: 0,
    message: expect.stringContaining("sleeps"),
  });
  expect(emulator.asked("/slots")).toBe(0);
  expect(emulator.status().state).toBe("sleeping");
});

test("reading a library loads nothing", async () => {
  for (const kind of ["ollama", "lm-studio", "llama-swap", "localai"] as const) {
    const { emulator, read } = await anEmulator(kind);
    const before = emulator.status().loaded;
    expect((await read())?.models.filter(({ loaded }) => loaded).map(({ id }) => id)).toEqual(before);
    expect((await read())?.models.map(({ id }) => id).toSorted()).toEqual(["another", "some-model"]);
    expect(emulator.status().loaded).toEqual(before);
  }
});
