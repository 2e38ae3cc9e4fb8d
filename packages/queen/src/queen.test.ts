import { describe, expect, test } from "vitest";
import { openCatalog } from "./catalog/index.ts";
import { aHeartbeat, aQueen, aWorker } from "./testing/a-queen.ts";

describe("heartbeats", () => {
  test("one is taken, and its workers can be asked for in every way", async () => {
    const queen = await aQueen();
    const worker = aWorker({ model_id: "llama-3-8b", backend: "cuda", vram_bytes: 8e9, ram_bytes: 1e9 });
    expect(await queen.heartbeat(aHeartbeat({ workers: [worker] }))).toEqual({
      accepted: true,
      next_heartbeat_ms: 5_000,
    });

    expect(await queen.hive("desk")).toMatchObject({ hive_id: "desk", online: true, status: "alive", vram_used_gb: 8 });
    const listed = { workers: [{ hive_id: "desk", worker }] };
    for (const query of ["", "?state=idle", "?state=IDLE", "?model=llama-3-8b", "?backend=cuda", "?hive_id=desk"]) {
      expect((await queen.ask("GET", `/api/v1/workers${query}`)).body).toEqual(listed);
    }
    for (const query of ["?state=busy", "?model=other", "?backend=cpu", "?hive_id=rack", "?state=idle&backend=cpu"]) {
      expect((await queen.ask("GET", `/api/v1/workers${query}`)).body).toEqual({ workers: [] });
    }
    expect((await queen.ask("GET", "/api/v1/workers/worker-1")).body).toEqual(listed.workers[0]);
    expect((await queen.ask("GET", "/api/v1/hives/desk/workers")).body).toEqual({ workers: [worker] });
    expect((await queen.ask("GET", "/api/v1/hives/desk/resources")).body).toEqual({
      vram_used_gb: 8,
      ram_used_gb: 1,
      worker_count: 1,
    });
    expect((await queen.ask("GET", "/api/v1/models")).body).toEqual({
      models: [{ model: "llama-3-8b", workers: 1, idle_workers: 1, hives: 1, slots_free: 1 }],
    });
    expect(await queen.route("llama-3-8b")).toEqual({ hive_id: "desk", worker, model_loaded: true });
    expect(await queen.stats()).toMatchObject({
      hives: { total: 1, alive: 1 },
      workers: { total: 1, idle: 1 },
      vram_used_gb: 8,
    });
  });

  test("the seed's own payload works everywhere", async () => {
    const queen = await aQueen();
    const reply = await queen.heartbeat({
      hive_id: "localhost",
      timestamp: "2025-10-21T10:00:00Z",
      workers: [
        { worker_id: "worker-1", state: "Idle", last_heartbeat: "2025-10-21T10:00:00Z", health_status: "healthy" },
      ],
    });
    expect(reply.accepted).toBe(true);
    expect(await queen.hive("localhost")).toMatchObject({ online: true, worker_count: 1 });
    expect(await queen.route("any")).toMatchObject({ error: { code: "NO_WORKER" } });
  });

  test("an overtaken one is refused with its reason, and changes nothing", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ boot_id: "b", seq: 2 }));
    const refused = await queen.heartbeat(aHeartbeat({ boot_id: "b", seq: 1, workers: [] }));
    expect(refused).toEqual({ accepted: false, reason: "stale", next_heartbeat_ms: 5_000 });
    expect(await queen.hive("desk")).toMatchObject({ worker_count: 1 });
  });

  test("a large fleet is asked to beat slower, so that the queen gets no more than it wants", async () => {
    const queen = await aQueen({ pace: { intervalMs: 1_000, maxHeartbeatsPerSecond: 2 } });
    const intervals: number[] = [];
    for (let at = 1; at <= 4; at++) {
      intervals.push((await queen.heartbeat(aHeartbeat({ hive_id: `hive-${at}` }))).next_heartbeat_ms);
    }
    expect(intervals).toEqual([1_000, 1_000, 1_500, 2_000]);
  });

  test("a machine whose clock is a day off is like any other, and the error is shown", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ timestamp: "2025-12-31T00:00:00Z" }));
    queen.clock.advance(5_000);
    expect(await queen.hive("desk")).toMatchObject({ online: true, status: "alive", clock_skew_ms: -86_400_000 });
  });

  test("their rate is the mean over the last seconds", async () => {
    const queen = await aQueen();
    for (let at = 0; at < 20; at++) {
      await queen.heartbeat(aHeartbeat({ boot_id: "b", seq: at }));
      queen.clock.advance(500);
    }
    expect((await queen.stats()).heartbeats_per_second).toBe(2);
    queen.clock.advance(30_000);
    expect((await queen.stats()).heartbeats_per_second).toBe(0);
  });
});

describe("liveness", () => {
  test("a hive that falls silent gets no new work long before it counts as offline", async () => {
    const queen = await aQueen({ pace: { intervalMs: 5_000, maxHeartbeatsPerSecond: 5_000 } });
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "llama-3-8b" })] }));

    queen.clock.advance(12_500);
    expect(await queen.route("llama-3-8b")).toMatchObject({ error: { code: "NO_WORKER" } });
    expect(await queen.hive("desk")).toMatchObject({ status: "suspect", online: true });

    queen.clock.advance(17_500);
    expect(await queen.hive("desk")).toMatchObject({ status: "silent", online: false });
    expect((await queen.ask("GET", "/api/v1/hives?max_age_ms=30000")).body).toEqual({ hives: [] });
  });

  test("a hive silent for five minutes is forgotten", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat());
    queen.clock.advance(299_000);
    expect((await queen.stats()).hives).toMatchObject({ total: 1, silent: 1 });
    queen.clock.advance(2_000);
    expect((await queen.stats()).hives).toMatchObject({ total: 0 });
  });

  test("with eviction off a silent hive is kept", async () => {
    const queen = await aQueen({ evictAfterMs: 0 });
    await queen.heartbeat(aHeartbeat());
    queen.clock.advance(86_400_000);
    expect((await queen.stats()).hives).toMatchObject({ total: 1, silent: 1 });
  });

  test("goodbye makes it silent at once, and its next heartbeat alive again", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat());
    await queen.heartbeat(aHeartbeat({ goodbye: true, workers: [] }));
    expect(await queen.hive("desk")).toMatchObject({ status: "silent", online: false, worker_count: 0 });
    await queen.heartbeat(aHeartbeat());
    expect(await queen.hive("desk")).toMatchObject({ status: "alive", worker_count: 1 });
  });
});

describe("routing", () => {
  test("a worker without the model is named as what it is", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "other" })] }));
    expect(await queen.route("wanted")).toMatchObject({ model_loaded: false, worker: { model_id: "other" } });
  });

  test("no worker is a 503 that says why and when to ask again", async () => {
    const queen = await aQueen();
    const ask = () => queen.ask("GET", "/api/v1/route?model=m");
    const message = async () => ((await ask()).body as { error: { message: string } }).error.message;
    expect(await ask()).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect(await message()).toMatch(/hive agent/);
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "m", state: "Busy" })] }));
    expect(await message()).toMatch(/1 of 1 workers are busy.*1 have the model/);
    queen.clock.advance(20_000);
    expect(await message()).toMatch(/No hive is alive: 1 suspect/);
  });
});

describe("the catalog", () => {
  const record = { id: "desk", host: "desk.lan", port: 7_835, status: "unknown" };

  test("a record can be put, read, replaced, listed and removed", async () => {
    const queen = await aQueen();
    const path = "/api/v1/catalog/hives/desk";
    expect(await queen.ask("PUT", path, { host: "desk.lan", labels: { room: "attic" } })).toMatchObject({
      status: 200,
      body: { ...record, labels: { room: "attic" } },
    });
    expect((await queen.ask("PUT", path, { host: "desk.lan" })).body).not.toHaveProperty("labels");
    expect((await queen.ask("GET", path)).body).toMatchObject(record);
    expect((await queen.ask("GET", "/api/v1/catalog/hives")).body).toMatchObject({ hives: [record] });
    expect((await queen.ask("DELETE", path)).status).toBe(204);
    expect(await queen.ask("DELETE", path)).toMatchObject({ status: 404, body: { error: { code: "HIVE_NOT_FOUND" } } });
    expect((await queen.ask("GET", path)).status).toBe(404);
  });

  test("a first heartbeat makes a record online, silence makes it offline, within a second of each", async () => {
    const queen = await aQueen();
    await queen.ask("PUT", "/api/v1/catalog/hives/desk", { host: "desk.lan" });
    await queen.heartbeat(aHeartbeat());
    expect((await queen.hive("desk")).catalog).toMatchObject({ status: "unknown" });
    queen.clock.advance(1_000);
    expect((await queen.hive("desk")).catalog).toMatchObject({
      status: "online",
      last_heartbeat_ms: expect.any(Number),
    });
    queen.clock.advance(31_000);
    expect((await queen.hive("desk")).catalog).toMatchObject({ status: "offline" });
  });

  test("a hive nobody cataloged works all the same", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat());
    queen.clock.advance(1_000);
    expect(await queen.hive("desk")).not.toHaveProperty("catalog");
    expect(queen.catalog.list()).toEqual([]);
  });

  test("secrets and unknown fields are refused, not stored", async () => {
    const queen = await aQueen();
    for (const extra of [{ password: "x" }, { ssh: { host: "h", user: "u", private_key: "x" } }]) {
      const answer = await queen.ask("PUT", "/api/v1/catalog/hives/desk", { host: "desk.lan", ...extra });
      expect(answer).toMatchObject({ status: 400, body: { error: { code: "INVALID_REQUEST" } } });
    }
    expect(queen.catalog.list()).toEqual([]);
  });

  test("a failing disk is a 500 that says nothing of files, and heartbeats go on", async () => {
    const catalog = openCatalog({ kind: "memory" });
    const queen = await aQueen({ catalog });
    await queen.ask("PUT", "/api/v1/catalog/hives/desk", { host: "desk.lan" });
    catalog.close();
    const answer = await queen.ask("PUT", "/api/v1/catalog/hives/rack", { host: "rack.lan" });
    expect(answer).toMatchObject({ status: 500, body: { error: { code: "CATALOG_UNAVAILABLE" } } });
    expect((await queen.heartbeat(aHeartbeat())).accepted).toBe(true);
    queen.clock.advance(1_000);
    expect((await queen.stats()).hives.alive).toBe(1);
  });
});

describe("readiness", () => {
  test("an empty catalog is ready at once; a cataloged fleet when all were heard, or after half a minute", async () => {
    expect(await (await aQueen()).ask("GET", "/readyz")).toMatchObject({ status: 200 });
    const catalog = openCatalog({ kind: "memory" });
    for (const id of ["desk", "rack"]) catalog.put(id, { host: `${id}.lan` }, 1);
    catalog.touch([{ id: "rack", status: "online", last_heartbeat_ms: 1 }]);
    const queen = await aQueen({ catalog });
    expect(await queen.ask("GET", "/readyz")).toMatchObject({
      status: 503,
      body: { error: { code: "NOT_READY", details: { waiting_for: ["desk", "rack"], ready_in_ms: 30_000 } } },
    });
    await queen.heartbeat(aHeartbeat());
    expect((await queen.ask("GET", "/readyz")).status).toBe(503);
    queen.clock.advance(31_000);
    expect((await queen.ask("GET", "/readyz")).status).toBe(200);
    expect(catalog.find("rack")).toMatchObject({ status: "offline" });
  });
});

describe("listings", () => {
  test("pages follow each other without gap or repetition", async () => {
    const queen = await aQueen();
    for (let at = 0; at < 25; at++) await queen.heartbeat(aHeartbeat({ hive_id: `hive-${at}` }));
    for (const [path, key] of [
      ["/api/v1/hives", "hives"],
      ["/api/v1/workers", "workers"],
      ["/api/v1/workers?state=idle", "workers"],
    ] as const) {
      const ids: string[] = [];
      let cursor: string | undefined = "0";
      for (let page = 0; cursor !== undefined && page < 10; page++) {
        const url: string = `${path}${path.includes("?") ? "&" : "?"}limit=10&cursor=${cursor}`;
        const body = (await queen.ask("GET", url)).body as Record<string, { hive_id: string }[]> & {
          next_cursor?: string;
        };
        expect(body[key]?.length).toBeLessThanOrEqual(10);
        ids.push(...(body[key] ?? []).map(({ hive_id }) => hive_id));
        cursor = body.next_cursor;
      }
      expect(ids.sort()).toEqual(Array.from({ length: 25 }, (_, at) => `hive-${at}`).sort());
    }
  });

  test.each(["cursor=abc", "cursor=-1", "limit=0", "limit=10001", "max_age_ms=-1", "max_age_ms=soon"])(
    "a query with %s is refused",
    async (query) => {
      const queen = await aQueen();
      expect(await queen.ask("GET", `/api/v1/hives?${query}`)).toMatchObject({
        status: 400,
        body: { error: { code: "INVALID_REQUEST" } },
      });
    },
  );
});

describe("failures have one shape", () => {
  const faults: [string, Parameters<Awaited<ReturnType<typeof aQueen>>["ask"]>, number, string][] = [
    ["an unknown hive", ["GET", "/api/v1/hives/nobody"], 404, "HIVE_NOT_FOUND"],
    ["an unknown hive's workers", ["GET", "/api/v1/hives/nobody/workers"], 404, "HIVE_NOT_FOUND"],
    ["an unknown hive's resources", ["GET", "/api/v1/hives/nobody/resources"], 404, "HIVE_NOT_FOUND"],
    ["removing an unknown hive", ["DELETE", "/api/v1/hives/nobody"], 404, "HIVE_NOT_FOUND"],
    ["an unknown worker", ["GET", "/api/v1/workers/nobody"], 404, "WORKER_NOT_FOUND"],
    ["an unknown operation", ["GET", "/api/v1/operations/x"], 404, "OPERATION_NOT_FOUND"],
    ["an unknown path", ["GET", "/api/v1/nothing"], 404, "ROUTE_NOT_FOUND"],
    ["a wrong method", ["PUT", "/api/v1/hives/desk"], 405, "METHOD_NOT_ALLOWED"],
    ["no model", ["GET", "/api/v1/route"], 400, "INVALID_REQUEST"],
    [
      "a catalog id that is no file name",
      ["PUT", "/api/v1/catalog/hives/..%2Fx", { host: "h" }],
      400,
      "INVALID_REQUEST",
    ],
    ["a stranger's host name", ["GET", "/api/v1/stats", undefined, { host: "evil.example" }], 403, "FORBIDDEN"],
    ["a start that cannot be", ["POST", "/api/v1/catalog/hives/desk/start"], 500, "INTERNAL"],
  ];
  test.each(faults)("%s", async (_, request, status, code) => {
    const queen = await aQueen();
    const answer = await queen.ask(...request);
    expect(answer).toMatchObject({ status, body: { error: { code, message: expect.any(String) } } });
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts|at \w+ \(/);
  });

  test("a wrong method names the right ones", async () => {
    const queen = await aQueen();
    expect((await queen.ask("PATCH", "/api/v1/catalog/hives/desk")).headers.allow).toBe("GET, PUT, DELETE");
  });

  test("a body that is no JSON, of another type, or too large", async () => {
    const { app } = await aQueen();
    const post = (payload: string, type = "application/json") =>
      app.inject({
        method: "POST",
        url: "/api/v1/heartbeat",
        headers: { host: "localhost", "content-type": type },
        payload,
      });
    expect((await post("{")).json()).toMatchObject({ error: { code: "INVALID_JSON" } });
    expect((await post("")).json()).toMatchObject({ error: { code: "INVALID_JSON" } });
    expect((await post('{"__proto__": {"x": 1}}')).json()).toMatchObject({ error: { code: "INVALID_JSON" } });
    expect((await post("{}", "text/plain")).json()).toMatchObject({ error: { code: "UNSUPPORTED_MEDIA_TYPE" } });
    expect((await post(`"${"x".repeat(1_048_577)}"`)).statusCode).toBe(413);
  });
});

describe("with a token", () => {
  test("every path but /healthz asks for it", async () => {
    const queen = await aQueen({ token: "correct-horse" });
    const bearing = (token: string) => ({ authorization: `Bearer ${token}`, host: "queen.lan" });
    expect((await queen.ask("GET", "/healthz")).status).toBe(200);
    for (const url of ["/readyz", "/api/v1/stats", "/openapi.json", "/docs", "/nothing", "/api/v1/watch"]) {
      expect(await queen.ask("GET", url)).toMatchObject({ status: 401, body: { error: { code: "UNAUTHENTICATED" } } });
      expect((await queen.ask("GET", url, undefined, bearing("wrong"))).status).toBe(401);
    }
    expect((await queen.ask("GET", "/api/v1/stats", undefined, bearing("correct-horse"))).status).toBe(200);
    expect((await queen.ask("POST", "/api/v1/heartbeat", aHeartbeat())).status).toBe(401);
  });
});

describe("without a token", () => {
  test.each(["localhost", "localhost:7833", "127.0.0.1:7833", "127.9.9.9", "[::1]:7833"])(
    "%s is this machine",
    async (host) => {
      const queen = await aQueen();
      expect((await queen.ask("GET", "/api/v1/stats", undefined, { host })).status).toBe(200);
    },
  );

  test.each(["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil.example:7833"])(
    "%s may be a page that had its name changed to this machine's",
    async (host) => {
      const queen = await aQueen();
      expect((await queen.ask("GET", "/api/v1/stats", undefined, { host })).status).toBe(403);
    },
  );

  test("no page of another site can do anything, one of this machine can", async () => {
    const queen = await aQueen();
    const from = (origin: string) => ({ origin });
    for (const origin of ["https://evil.example", "http://localhost.evil.example", "null"]) {
      expect((await queen.ask("POST", "/api/v1/catalog/hives/desk/stop", undefined, from(origin))).status).toBe(403);
      expect((await queen.ask("GET", "/api/v1/stats", undefined, from(origin))).status).toBe(403);
    }
    expect((await queen.ask("GET", "/api/v1/stats", undefined, from("http://localhost:3000"))).status).toBe(200);
  });

  test("a browser that opens the queen finds the documents", async () => {
    const { app } = await aQueen();
    const reply = await app.inject({ url: "/", headers: { host: "localhost" } });
    expect([reply.statusCode, reply.headers.location]).toEqual([302, "/docs"]);
    expect((await app.inject({ url: "/docs/", headers: { host: "localhost" } })).statusCode).toBe(200);
  });

  test("the OpenAPI document names every route and nothing of the code behind it", async () => {
    const { app } = await aQueen();
    const document = (await app.inject({ url: "/openapi.json", headers: { host: "localhost" } })).json() as {
      paths: Record<string, unknown>;
    };
    for (const path of ["/api/v1/heartbeat", "/api/v1/hives/{hive_id}", "/api/v1/route", "/api/v1/watch", "/healthz"]) {
      expect(Object.keys(document.paths)).toContain(path);
    }
    expect(JSON.stringify(document)).not.toContain("~");
  });
});

describe("reservations", () => {
  const path = "/api/v1/reservations";
  const busy = [aWorker({ model_id: "m", state: "Busy" })];
  const idle = [aWorker({ model_id: "m" })];

  test("one holds a place until it is given back, and the numbers show it", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ workers: idle }));
    queen.clock.advance(1);
    const answer = await queen.ask("POST", path, { model: "m", ttl_ms: 60_000 });
    expect(answer).toMatchObject({ status: 201, body: { hive_id: "desk", worker: { worker_id: "worker-1" } } });
    const { reservation_id, expires_at_ms } = answer.body as { reservation_id: string; expires_at_ms: number };
    expect(expires_at_ms).toBe(queen.clock.nowMs() + 60_000);
    expect(await queen.stats()).toMatchObject({ requests: { in_flight: 1 }, reservations: { active: 1 } });
    expect(await queen.ask("POST", path, { model: "m" })).toMatchObject({
      status: 503,
      headers: { "retry-after": "1" },
      body: { error: { code: "NO_WORKER" } },
    });
    expect((await queen.ask("DELETE", `${path}/${reservation_id}?outcome=error`)).status).toBe(204);
    expect((await queen.ask("DELETE", `${path}/${reservation_id}`)).status).toBe(204);
    expect((await queen.ask("DELETE", `${path}/nobody-ever-had-it`)).status).toBe(204);
    expect((await queen.stats()).requests).toEqual({ in_flight: 0, queued: 0, completed_total: 0, failed_total: 1 });
    // A worker that failed is left alone for a second.
    expect((await queen.ask("POST", path, { model: "m" })).status).toBe(503);
    queen.clock.advance(1_000);
    expect((await queen.ask("POST", path, { model: "m" })).status).toBe(201);
  });

  test("one waits for a worker that comes free", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ workers: busy }));
    const waiting = queen.ask("POST", path, { model: "m", wait_ms: 10_000 });
    await expect.poll(async () => (await queen.stats()).requests.queued).toBe(1);
    await queen.heartbeat(aHeartbeat({ workers: idle }));
    expect((await waiting).status).toBe(201);
  });

  test.each([
    [{}],
    [{ model: "m", policy: "luck" }],
    [{ model: "m", wait_ms: -1 }],
    [{ model: "m", ttl_ms: 0 }],
    [{ model: "m", exclude: "w1" }],
    [{ model: "m", polcy: "best" }],
  ])("%j is refused", async (body) => {
    const queen = await aQueen();
    expect(await queen.ask("POST", path, body)).toMatchObject({
      status: 400,
      body: { error: { code: "INVALID_REQUEST" } },
    });
  });
});
