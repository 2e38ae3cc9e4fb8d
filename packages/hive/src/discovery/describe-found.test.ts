import { heartbeatValidator } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import type { Reach } from "../heartbeat/reach.ts";
import type { Probe } from "../workers/engines/server-engine.ts";
import { describeFound } from "./describe-found.ts";
import type { FoundServer } from "./discovery.ts";
import { HANGS_AFTER } from "./follower.ts";
import { aProbe } from "./testing/a-discovery.ts";

const HERE: Reach = {
  ...{ host: "127.0.0.1", beyondLoopback: false, lacksToken: false },
  exposure: { listen: "127.0.0.1" },
};
const ELSEWHERE: Reach = { ...HERE, host: "192.168.1.7", beyondLoopback: true };

const aServer = (
  probe: Partial<Probe> = {},
  part: Partial<FoundServer> & { readonly engine?: string } = {},
): FoundServer => {
  const { engine = "llama-server", ...rest } = part;
  const sight = { engine, probe: aProbe(probe), heardAtMs: 0, heardAt: "2026-11-01T00:00:00.000Z", silences: 0 };
  const site = { id: "8080/5", port: 8_080, addresses: ["127.0.0.1"], pid: 5 };
  return { worker_id: `${engine}-8080`, sight, url: "http://127.0.0.1:8080", site, ...rest };
};

const at = (addresses: string[]) => ({ site: { id: "8080/5", port: 8_080, addresses, pid: 5 } });

const described = (server: FoundServer, reach: Reach = HERE) =>
  describeFound(server, { reach, usage: undefined, backendOtherwise: undefined, relayUrl: undefined });

test("a server is a worker with its models, slots, queue and cache; what it does not tell is absent", () => {
  const { worker, phase, managed } = described(
    aServer({ slots_busy: 3, queue_depth: 2, kv_cache_percent: 41.5, models: [{ id: "a", loaded: true }] }),
  );
  expect({ phase, managed }).toEqual({ phase: "ready", managed: false });
  expect(worker).toEqual({
    ...{ worker_id: "llama-server-8080", engine: "llama-server", state: "Idle", health_status: "healthy" },
    ...{ url: "http://127.0.0.1:8080", model_id: "a", last_heartbeat: "2026-11-01T00:00:00.000Z" },
    ...{ slots_total: 4, slots_busy: 3, queue_depth: 2, kv_cache_percent: 41.5 },
  });
  const unknown = described(aServer({ slots_total: null, slots_busy: null, queue_depth: null })).worker;
  for (const field of ["slots_total", "slots_busy", "queue_depth", "kv_cache_percent", "vram_bytes", "backend"]) {
    expect(unknown).not.toHaveProperty(field);
  }
});

test("it is busy when every slot is taken", () => {
  expect(described(aServer({ slots_busy: 4 })).worker.state).toBe("Busy");
});

test("models that it would have to load first are its library, and not what it serves", () => {
  const models = [
    { id: "a:latest", loaded: true, aliases: ["a"], size_bytes: 7, context_tokens: 4_096 },
    { id: "b", loaded: false },
  ];
  const { worker, library } = described(aServer({ models }, { engine: "ollama" }));
  expect(worker).toMatchObject({ model_id: "a:latest", models: ["a:latest", "a"] });
  expect(library).toEqual([
    { id: "a:latest", loaded: true, size_bytes: 7, context_tokens: 4_096 },
    { id: "b", loaded: false },
  ]);

  const nothing = described(aServer({ models: [{ id: "b", loaded: false }] }));
  expect(nothing.worker).not.toHaveProperty("model_id");
  expect(nothing.worker).not.toHaveProperty("models");
  expect(nothing.note).toMatch(/no model in memory.*load_on_request/);

  const configured = { url: "http://127.0.0.1:8080", load_on_request: true };
  expect(described(aServer({ models }, { configured })).worker.models).toEqual(["a:latest", "b", "a"]);
});

test("one that runs many at once and does not tell how many is not taken for one that runs one", () => {
  const unknown = { slots_total: null };
  expect(described(aServer(unknown, { engine: "vllm" })).worker.slots_total).toBe(256);
  const configured = { url: "http://127.0.0.1:8080", slots: 12 };
  expect(described(aServer(unknown, { engine: "vllm", configured })).worker.slots_total).toBe(12);
  expect(described(aServer({ slots_total: 3 }, { configured })).worker.slots_total).toBe(3);
});

describe("gets no requests, and says why:", () => {
  test("one that loads", () => {
    const { worker, phase } = described(aServer({ state: "loading", models: [] }));
    expect([worker.state, worker.url, phase]).toEqual(["Loading", undefined, "starting"]);
  });

  test("one that is broken", () => {
    const { worker, phase, error } = described(aServer({ state: "broken", message: "Its engine is dead" }));
    expect([worker.health_status, worker.url, phase]).toEqual(["degraded", undefined, "failed"]);
    expect(error).toEqual({ code: "WORKER_FAILED", message: "Its engine is dead" });
  });

  test("one that demands a key", () => {
    const { worker, error } = described(aServer({ state: "locked" }));
    expect(worker).not.toHaveProperty("url");
    expect(error?.code).toBe("UNAUTHENTICATED");
    expect(error?.message).toMatch(/\[\[server\]\].*url = "http:\/\/127.0.0.1:8080".*key_file/);
  });

  test("one on loopback while the queen is on another machine", () => {
    const { worker, note } = described(aServer(), ELSEWHERE);
    expect(worker).not.toHaveProperty("url");
    expect(note).toMatch(/listens on loopback only/);
  });
});

test("one whose key only the hive has is reached through the hive, if at all", () => {
  const configured = { url: "http://gpu2:8000", key: "secret", name: "big:one" };
  const server = aServer({}, { configured });
  const facts = { reach: HERE, usage: undefined, backendOtherwise: undefined };
  const through = describeFound(server, { ...facts, relayUrl: "http://127.0.0.1:7835/v1/servers" });
  expect(through.worker.url).toBe("http://127.0.0.1:7835/v1/servers/llama-server-8080");
  const not = describeFound(server, { ...facts, relayUrl: undefined });
  expect(not.worker).not.toHaveProperty("url");
  expect(not.note).toMatch(/let the hive listen there/);
  expect(JSON.stringify([through, not])).not.toContain("secret");
});

test("one that hangs is degraded and keeps its url: it may only be slow", () => {
  const server = aServer();
  const { worker } = described({ ...server, sight: { ...server.sight, silences: HANGS_AFTER } });
  expect(worker).toMatchObject({ health_status: "degraded", url: "http://127.0.0.1:8080" });
});

test.each([
  [["0.0.0.0"], HERE, "http://127.0.0.1:8080"],
  [["0.0.0.0"], ELSEWHERE, "http://192.168.1.7:8080"],
  [["::"], ELSEWHERE, "http://192.168.1.7:8080"],
  [["0.0.0.0"], { ...ELSEWHERE, host: undefined }, undefined],
])("bound to %j it is told at the address by which others reach this machine", (addresses, reach, url) => {
  expect(described(aServer({}, at(addresses)), reach).worker.url).toBe(url);
});

test("on another machine it is told at the address that the operator gave", () => {
  const { site: _here, ...server } = aServer({}, { url: "http://gpu2:8000/llm" });
  expect(described(server, ELSEWHERE).worker.url).toBe("http://gpu2:8000/llm");
  const onLoopback = { ...server, url: "http://127.0.0.1:8000" };
  expect(described(onLoopback).worker.url).toBe("http://127.0.0.1:8000");
  expect(described(onLoopback, ELSEWHERE).worker).not.toHaveProperty("url");
});

test("whatever a server says of itself, the heartbeat stays valid", () => {
  const nonsense = aServer({
    ...{ slots_total: -1, slots_busy: Number.NaN, queue_depth: 1e12, kv_cache_percent: 900 },
    models: [
      { id: "", loaded: true },
      { id: "line\nfeed", loaded: true },
      { id: "x".repeat(2_000), loaded: true },
      { id: "__proto__", loaded: true, aliases: ["", "ok"] },
      ...Array.from({ length: 3_000 }, (_, at) => ({ id: `m${at}`, loaded: true, aliases: [`a${at}`, "\u0000"] })),
    ],
  });
  const { worker } = described(nonsense);
  const timestamp = new Date(0).toISOString();
  expect(heartbeatValidator.errors({ hive_id: "h", timestamp, workers: [worker] })).toEqual([]);
  expect(worker).toMatchObject({ model_id: "m0", kv_cache_percent: 100 });
});
