/** The hive's API as its callers see it, over real sockets. */

import { request } from "node:http";
import { connect } from "node:net";
import { tokenHash } from "@hive-registry/command";
import {
  compile,
  ERROR_STATUS,
  type ErrorCode,
  MachineInfoSchema,
  ManagedWorkerListSchema,
  ManagedWorkerSchema,
} from "@hive-registry/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Answer, aHive } from "../testing/a-hive.ts";
import { eventually } from "../testing/eventually.ts";

const expectError = (answer: Answer, code: ErrorCode): void => {
  expect(answer.json).toMatchObject({ error: { code, message: expect.any(String) } });
  expect(answer.status).toBe(ERROR_STATUS[code]);
  expect(answer.text).not.toMatch(/\.ts:|at \w+ \(/);
};

const aBeat = (part: object = {}) => ({
  worker_id: "ollama",
  timestamp: "2026-11-01T00:00:00Z",
  health_status: "healthy",
  state: "Idle",
  url: "http://127.0.0.1:11434",
  ...part,
});

describe("what is there", () => {
  test("a hive is healthy, knows its machine, and has no workers at first", async () => {
    const { ask } = await aHive();
    expect((await ask("GET", "/healthz")).json).toMatchObject({ status: "ok", hive_id: "desk" });
    const machine = (await ask("GET", "/v1/devices")).json;
    expect(compile(MachineInfoSchema).errors(machine)).toEqual([]);
    expect(machine).toMatchObject({ devices: [], os: process.platform, arch: process.arch });
    expect(machine.ram_available_bytes).toBeLessThanOrEqual(machine.ram_total_bytes);
    expect((await ask("GET", "/v1/workers")).json).toEqual({ workers: [] });
  });

  test("its numbers are there for Prometheus", async () => {
    const { ask, model } = await aHive();
    await ask("POST", "/v1/workers", { model: model(), wait: true, worker_id: 'a"b' });
    const { text, headers } = await ask("GET", "/metrics");
    expect(headers.get("content-type")).toContain("text/plain");
    expect(text).toContain('hive_registry_agent_workers{phase="ready"} 1\n');
    expect(text).toContain('hive_registry_agent_worker_restarts_total{worker_id="a\\"b"} 0\n');
    expect(text).toMatch(/# TYPE hive_registry_agent_ram_bytes gauge\nhive_registry_agent_ram_bytes \d+\n/);
  });
});

test("every route is described in /openapi.json, and nothing else is", async () => {
  const { ask } = await aHive();
  const { paths } = (await ask("GET", "/openapi.json")).json as { paths: Record<string, Record<string, unknown>> };
  for (const [path, operations] of Object.entries(paths)) {
    const tried = await ask("PATCH", path.replace("{worker_id}", "w"));
    const allowed = (tried.headers.get("allow") ?? "").split(", ").filter((method) => method !== "HEAD");
    expect(Object.keys(operations).map((method) => method.toUpperCase())).toEqual(allowed);
  }
  expect(Object.keys(paths)).toHaveLength(11);
});

describe("workers", () => {
  test("are started, listed, read and stopped", async () => {
    const { ask, model } = await aHive();
    const started = await ask("POST", "/v1/workers", { model: model(), alias: "llama", slots: 2 });
    expect(started.status).toBe(202);
    expect(started.json).toMatchObject({
      phase: "starting",
      managed: true,
      worker: { state: "Loading", model_id: "llama" },
    });
    const id = started.json.worker.worker_id;
    const ready = await eventually("it is ready", async () => {
      const { json } = await ask("GET", `/v1/workers/${id}`);
      return json.phase === "ready" && json;
    });
    expect(ready.worker).toMatchObject({
      state: "Idle",
      health_status: "healthy",
      engine: "llama-cpp",
      backend: "cpu",
    });
    expect(ready.worker.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const list = (await ask("GET", "/v1/workers")).json;
    expect(compile(ManagedWorkerListSchema).errors(list)).toEqual([]);

    expect((await ask("DELETE", `/v1/workers/${id}`)).status).toBe(204);
    expectError(await ask("GET", `/v1/workers/${id}`), "WORKER_NOT_FOUND");
    expectError(await ask("DELETE", `/v1/workers/${id}`), "WORKER_NOT_FOUND");
  });

  test("that are waited for are ready in the answer, or it says why not", async () => {
    const { ask, model } = await aHive();
    const ready = await ask("POST", "/v1/workers", { model: model(), wait: true });
    expect(ready.status).toBe(201);
    expect(compile(ManagedWorkerSchema).errors(ready.json)).toEqual([]);
    expect(ready.json.phase).toBe("ready");

    const cut = { model: model({ fatal: "MODEL_TRUNCATED: ends at 12" }, "cut.gguf"), wait: true };
    expectError(await ask("POST", "/v1/workers", cut), "MODEL_TRUNCATED");
    const crash = { model: model({ exit: 9 }, "crash.gguf"), wait: true };
    const failed = await ask("POST", "/v1/workers", crash);
    expectError(failed, "WORKER_FAILED");
    expect(failed.json.error.details.last_words).toEqual(["some other words", "it broke"]);

    const { workers } = (await ask("GET", "/v1/workers")).json;
    expect(workers.map(({ phase }: { phase: string }) => phase)).toEqual(["ready", "failed", "backoff"]);
    expect(workers[1]).toMatchObject({
      restarts: 0,
      error: { code: "MODEL_TRUNCATED", message: "ends at 12" },
      worker: { health_status: "degraded", state: "Loading" },
    });
    expect(workers[1]).not.toHaveProperty("pid");
    expect(workers[2].restart_in_ms).toBeGreaterThan(0);
  });

  test("whose model is missing, or is no model, are refused with the reason", async () => {
    const { ask, dir } = await aHive();
    expectError(await ask("POST", "/v1/workers", { model: "/nowhere/x.gguf" }), "MODEL_NOT_FOUND");
    expectError(await ask("POST", "/v1/workers", { model: "nothing" }), "MODEL_NOT_FOUND");
    expectError(await ask("POST", "/v1/workers", { model: dir }), "MODEL_INVALID");
    expectError(await ask("POST", "/v1/workers", { model: process.execPath }), "MODEL_INVALID");
    expect((await ask("GET", "/v1/workers")).json.workers).toEqual([]);
  });

  test("with an id that is taken are refused, and the one that runs goes on", async () => {
    const { ask, model } = await aHive();
    const request = { model: model(), worker_id: "w", wait: true };
    const first = await ask("POST", "/v1/workers", request);
    expectError(await ask("POST", "/v1/workers", request), "ALREADY_RUNNING");
    expect((await ask("GET", "/v1/workers/w")).json.pid).toBe(first.json.pid);
  });

  test("have logs, the end of which can be read", async () => {
    const { ask, model } = await aHive();
    await ask("POST", "/v1/workers", { model: model({ print: 200_000 }), worker_id: "w", wait: true });
    const whole = await eventually("its log has the line", async () => {
      const answer = await ask("GET", "/v1/workers/w/logs");
      return answer.text.includes("listening on") && answer;
    });
    expect(whole.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(whole.text.length).toBeLessThanOrEqual(65_536);
    const tail = await ask("GET", "/v1/workers/w/logs?tail_bytes=100");
    expect(tail.text).toMatch(/^listening on http:\/\/127\.0\.0\.1:\d+\n$/);
    expectError(await ask("GET", "/v1/workers/nobody/logs"), "WORKER_NOT_FOUND");
    for (const bytes of ["-1", "x", "1e9", "99999999", "1.5", ""]) {
      expectError(await ask("GET", `/v1/workers/w/logs?tail_bytes=${bytes}`), "INVALID_REQUEST");
    }
  });
});

describe("workers that announce themselves", () => {
  test("by a heartbeat with url and state are listed, read, and not stopped from here", async () => {
    const { ask } = await aHive();
    const told = await ask("POST", "/v1/heartbeat", aBeat({ model_id: "qwen", slots_total: 2, slots_busy: 2 }));
    expect(told.status).toBe(200);
    expect(told.json).toMatchObject({ accepted: true });
    const { json } = await ask("GET", "/v1/workers/ollama");
    expect(json).toMatchObject({
      managed: false,
      phase: "ready",
      restarts: 0,
      worker: { state: "Busy", model_id: "qwen" },
    });
    expect(json.worker).not.toHaveProperty("timestamp");
    expectError(await ask("DELETE", "/v1/workers/ollama"), "NOT_MANAGED");
    expectError(await ask("GET", "/v1/workers/ollama/logs"), "NOT_MANAGED");
  });

  test("without url and state are unknown, until they have told them once", async () => {
    const { ask } = await aHive();
    const short = { worker_id: "ollama", timestamp: "now", health_status: "degraded" };
    expectError(await ask("POST", "/v1/heartbeat", short), "WORKER_NOT_FOUND");
    await ask("POST", "/v1/heartbeat", aBeat());
    expect((await ask("POST", "/v1/heartbeat", short)).status).toBe(200);
    expect((await ask("GET", "/v1/workers/ollama")).json.worker).toMatchObject({
      health_status: "degraded",
      url: "http://127.0.0.1:11434",
    });
  });

  test("and are silent for three beats are gone", async () => {
    const { ask } = await aHive({ reportTtlMs: 50, samplePeriodMs: 50 });
    await ask("POST", "/v1/heartbeat", aBeat());
    await eventually("it is gone", async () => (await ask("GET", "/v1/workers")).json.workers.length === 0);
  });

  test("become the hive's own when one of their id is started here", async () => {
    const { ask, model } = await aHive();
    await ask("POST", "/v1/heartbeat", aBeat({ worker_id: "w" }));
    await ask("POST", "/v1/workers", { model: model(), worker_id: "w", wait: true });
    const { workers } = (await ask("GET", "/v1/workers")).json;
    expect(workers).toHaveLength(1);
    expect(workers[0].managed).toBe(true);
  });
});

describe("bad input", () => {
  test.each([
    ["no model", {}],
    ["no text", { model: 7 }],
    ["empty", { model: "" }],
    ["control characters", { model: "a\u0000b" }],
    ["an id of 10 kB", { model: "x", worker_id: "x".repeat(10_000) }],
    ["an id that is a trap", { model: "x", worker_id: "__proto__" }],
    ["negative slots", { model: "x", slots: -1 }],
    ["too many slots", { model: "x", slots: 1e9 }],
    ["half a slot", { model: "x", slots: 1.5 }],
    ["an unknown field", { model: "x", shell: "rm" }],
    ["a list", []],
    ["null", null],
    ["a number", 7],
  ])("to start a worker is refused, naming the field: %s", async (_what, body) => {
    const { ask } = await aHive();
    const answer = await ask("POST", "/v1/workers", JSON.stringify(body));
    expectError(answer, "INVALID_REQUEST");
    expect(answer.json.error.details.length).toBeGreaterThan(0);
    expect((await ask("GET", "/v1/workers")).json.workers).toEqual([]);
  });

  test.each([
    ["no id", aBeat({ worker_id: undefined })],
    ["no health", aBeat({ health_status: "fine" })],
    ["a state nobody knows", aBeat({ state: "Dreaming" })],
    ["negative memory", aBeat({ vram_bytes: -1 })],
    ["more than all", aBeat({ gpu_percent: 101 })],
    ["a url with a password", aBeat({ url: "http://me:secret@host/" })],
    ["no url at all", aBeat({ url: "javascript:alert(1)" })],
    ["a trap for an id", aBeat({ worker_id: "constructor" })],
  ])("as a worker's heartbeat is refused: %s", async (_what, body) => {
    const { ask } = await aHive();
    expectError(await ask("POST", "/v1/heartbeat", body), "INVALID_REQUEST");
    expect((await ask("GET", "/v1/workers")).json.workers).toEqual([]);
  });

  test("of any shape at all never breaks the hive: it is taken, or refused with a reason", async () => {
    const { ask } = await aHive();
    const mutated = fc.record(
      Object.fromEntries(
        Object.keys(aBeat({ slots_total: 1, models: [] })).map((key) => [key, fc.jsonValue({ maxDepth: 2 })]),
      ),
      { requiredKeys: [] },
    );
    const mixed = mutated.map((part) => aBeat(part));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("/v1/heartbeat", "/v1/workers"),
        fc.oneof(fc.jsonValue(), mutated, mixed),
        async (path, body) => {
          const answer = await ask("POST", path, JSON.stringify(body));
          expect([200, 400, 404]).toContain(answer.status);
        },
      ),
      { numRuns: 500 },
    );
    expect((await ask("GET", "/healthz")).status).toBe(200);
  });

  test("that is no JSON, too large, or of another kind is told as such", async () => {
    const { ask } = await aHive();
    for (const path of ["/v1/workers", "/v1/heartbeat"]) {
      expectError(await ask("POST", path, "{"), "INVALID_JSON");
      expectError(await ask("POST", path, '{"__proto__": {"x": 1}}'), "INVALID_JSON");
      expectError(await ask("POST", path, "", { "content-type": "application/json" }), "INVALID_JSON");
      expectError(await ask("POST", path, `"${"x".repeat(1_048_576)}"`), "BODY_TOO_LARGE");
      expectError(await ask("POST", path, "model=x", { "content-type": "text/plain" }), "UNSUPPORTED_MEDIA_TYPE");
    }
  });

  test("paths and methods that there are not are told apart", async () => {
    const { ask } = await aHive();
    expectError(await ask("GET", "/v1/nowhere"), "ROUTE_NOT_FOUND");
    const wrong = await ask("PUT", "/v1/workers", {});
    expectError(wrong, "METHOD_NOT_ALLOWED");
    expect(wrong.headers.get("allow")).toBe("GET, HEAD, POST");
    expectError(await ask("GET", "/v1/heartbeat"), "METHOD_NOT_ALLOWED");
    expectError(await ask("PATCH", "/v1/workers/w", "x", { "content-type": "text/plain" }), "METHOD_NOT_ALLOWED");
    expectError(await ask("POST", "/v1/workers/w/logs", {}), "METHOD_NOT_ALLOWED");
    expectError(await ask("DELETE", "/v1/shutdown"), "METHOD_NOT_ALLOWED");
    expectError(await ask("GET", "/v1/workers/%zz"), "INVALID_REQUEST");
    expectError(await ask("DELETE", `/v1/workers/${"x".repeat(300)}`), "INVALID_REQUEST");
    expectError(await ask("DELETE", "/v1/workers/%00"), "INVALID_REQUEST");
    expectError(await ask("DELETE", "/v1/workers/w?drain_ms=soon"), "INVALID_REQUEST");
  });

  test("bytes that are not HTTP get an error and a closed connection", async () => {
    const { hive, ask } = await aHive();
    const reply = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(hive.url).port), "127.0.0.1", () =>
        socket.write("\u0016\u0003\u0001 hello\r\n\r\n"),
      );
      let text = "";
      socket.on("data", (bytes) => {
        text += bytes;
      });
      socket.on("close", () => resolve(text)).on("error", reject);
    });
    expect(reply).toContain("HTTP/1.1 400 Bad Request");
    expect(reply).toContain('"INVALID_REQUEST"');
    expect((await ask("GET", "/healthz")).status).toBe(200);
  });
});

/** fetch sets the Host header itself; a rebound page's browser sets another. */
function askAs(url: string, headers: Readonly<Record<string, string>>, method = "GET", path = "/v1/devices") {
  return new Promise<number>((resolve, reject) => {
    const { hostname, port } = new URL(url);
    request({ hostname, port, path, method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

describe("who may call", () => {
  test("on loopback: anybody on the machine, by the machine's names only", async () => {
    const { hive } = await aHive({ advertise: "desk.lan" });
    const { port } = new URL(hive.url);
    for (const host of [`127.0.0.1:${port}`, "localhost", `LOCALHOST:${port}`, `[::1]:${port}`, "desk.lan"]) {
      expect(await askAs(hive.url, { host })).toBe(200);
    }
    for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "localhost@evil.example"]) {
      expect(await askAs(hive.url, { host })).toBe(403);
    }
  });

  test("no web page changes anything, whatever its origin", async () => {
    const { ask, model } = await aHive();
    for (const origin of ["http://evil.example", "null", "http://127.0.0.1:7835"]) {
      expectError(await ask("POST", "/v1/workers", { model: model() }, { origin }), "FORBIDDEN");
      expectError(await ask("DELETE", "/v1/workers/w", undefined, { origin }), "FORBIDDEN");
      expectError(await ask("POST", "/v1/heartbeat", aBeat(), { origin }), "FORBIDDEN");
      expectError(await ask("POST", "/v1/shutdown", undefined, { origin, "x-hive-shutdown": "yes" }), "FORBIDDEN");
      expect((await ask("GET", "/v1/workers", undefined, { origin })).status).toBe(200);
    }
  });

  test("beyond loopback: who has the token, for everything but /healthz", async () => {
    const { ask, model } = await aHive({ listen: "0.0.0.0", token: "s3cret" });
    const calls = [
      ["GET", "/v1/devices"],
      ["GET", "/v1/workers"],
      ["POST", "/v1/workers"],
      ["DELETE", "/v1/workers/w"],
      ["GET", "/v1/workers/w/logs"],
      ["POST", "/v1/heartbeat"],
      ["POST", "/v1/shutdown"],
      ["GET", "/metrics"],
      ["GET", "/nowhere"],
      ["PUT", "/healthz/"],
    ] as const;
    for (const [method, path] of calls) {
      for (const authorization of [
        "",
        "Bearer",
        "Bearer wrong",
        "Basic s3cret",
        "Bearer s3cre",
        "Bearer s3crets",
        "s3cret",
      ]) {
        const answer = await ask(method, path, undefined, { authorization, "x-hive-shutdown": "yes" });
        expectError(answer, "UNAUTHENTICATED");
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      }
    }
    expect((await ask("GET", "/healthz")).status).toBe(200);
    const withToken = { authorization: "Bearer s3cret" };
    expect((await ask("GET", "/v1/workers", undefined, withToken)).status).toBe(200);

    // Its workers get the token too, so that their own heartbeats are let in.
    const play = { beat: { state: "Idle" as const, slots_total: 7 } };
    await ask("POST", "/v1/workers", { model: model(play), worker_id: "w", wait: true }, withToken);
    await eventually("its worker's heartbeat is taken", async () => {
      const { json } = await ask("GET", "/v1/workers/w", undefined, withToken);
      return json.worker.slots_total === 7;
    });
  });
});

describe("a hive that knows the fleet's token by its hash", () => {
  const fleetTokenSha256 = tokenHash("fleet");
  const bearing = (token: string) => ({ authorization: `Bearer ${token}` });

  test.each([{ token: "own" }, { token: undefined }])(
    "lets in whoever bears that token, with %j of its own",
    async ({ token }) => {
      const { ask, model } = await aHive({ listen: "0.0.0.0", token, fleetTokenSha256 });
      expect((await ask("GET", "/v1/workers", undefined, bearing("fleet"))).status).toBe(200);
      for (const wrong of ["wrong", fleetTokenSha256, "undefined", ...(token === undefined ? ["own"] : [])]) {
        expectError(await ask("GET", "/v1/workers", undefined, bearing(wrong)), "UNAUTHENTICATED");
        expectError(await ask("POST", "/v1/servers/w/v1/completions", {}, bearing(wrong)), "UNAUTHENTICATED");
      }
      expectError(await ask("POST", "/v1/servers/w/v1/completions", {}, bearing("fleet")), "WORKER_NOT_FOUND");
      if (token !== undefined) expect((await ask("GET", "/v1/workers", undefined, bearing(token))).status).toBe(200);

      // Its workers have a key of their own, with which their heartbeats are let in.
      const play = { beat: { state: "Idle" as const, slots_total: 7 } };
      await ask("POST", "/v1/workers", { model: model(play), worker_id: "w", wait: true }, bearing("fleet"));
      await eventually("its worker's heartbeat is taken", async () => {
        const { json } = await ask("GET", "/v1/workers/w", undefined, bearing("fleet"));
        return json.worker.slots_total === 7;
      });
    },
  );
});

describe("shutdown", () => {
  test("on loopback without a token needs a header that no web page can send unasked", async () => {
    const { ask, hive } = await aHive();
    expectError(await ask("POST", "/v1/shutdown"), "FORBIDDEN");
    expectError(await ask("POST", "/v1/shutdown", undefined, { "x-hive-shutdown": "no" }), "FORBIDDEN");
    expectError(await ask("POST", "/v1/%73hutdown"), "FORBIDDEN");
    const answer = await ask("POST", "/v1/shutdown", undefined, { "x-hive-shutdown": "yes" });
    expect(answer.status).toBe(202);
    await hive.shutdownAsked;
  });

  test("needs the token where there is one, also on loopback", async () => {
    const { ask, hive } = await aHive({ token: "s3cret" });
    expectError(await ask("POST", "/v1/shutdown", undefined, { "x-hive-shutdown": "yes" }), "UNAUTHENTICATED");
    expect((await ask("GET", "/v1/workers")).status).toBe(200);
    const answer = await ask("POST", "/v1/shutdown", undefined, { authorization: "Bearer s3cret" });
    expect(answer.status).toBe(202);
    await hive.shutdownAsked;
  });
});
