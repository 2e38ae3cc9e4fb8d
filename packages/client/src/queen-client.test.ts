import { describe, expect, test } from "vitest";
import { ClientError } from "./errors.ts";
import { HiveAgentClient } from "./hive-agent-client.ts";
import { HiveClient } from "./queen-client.ts";
import { aClosedPort, aServer, sendJson, until } from "./testing/server.ts";

describe("calls to a queen", () => {
  test("ids are put into paths safely, and the token travels as a bearer", async () => {
    const server = await aServer((_, response) => sendJson(response, { hive_id: "a/b", worker: {} }));
    const client = new HiveClient({ baseUrl: `${server.url}/`, token: "s3cret" });

    await client.worker("a/b?c#d ä");
    expect(server.seen).toEqual(["GET /api/v1/workers/a%2Fb%3Fc%23d%20%C3%A4"]);
    expect(server.requests[0]?.headers.authorization).toBe("Bearer s3cret");
  });

  test("a path before the routes is kept, so a queen may lie behind a proxy", async () => {
    const server = await aServer((_, response) => sendJson(response, { models: [] }));
    expect(await new HiveClient({ baseUrl: `${server.url}/fleet/` }).models()).toEqual([]);
    expect(server.seen).toEqual(["GET /fleet/api/v1/models"]);
  });

  test("a listing follows next_cursor to its end and hands the filters along", async () => {
    const server = await aServer((request, response) => {
      const cursor = new URL(request.url ?? "", "http://x").searchParams.get("cursor");
      const page = { workers: [{ hive_id: "h", worker: { worker_id: cursor ?? "first" } }] };
      sendJson(response, cursor === "c2" ? page : { ...page, next_cursor: cursor === null ? "c1" : "c2" });
    });
    const workers = await new HiveClient({ baseUrl: server.url }).listWorkers({ state: "idle", limit: 1 });
    expect(workers.map(({ worker }) => worker.worker_id)).toEqual(["first", "c1", "c2"]);
    expect(server.seen).toEqual([
      "GET /api/v1/workers?state=idle&limit=1",
      "GET /api/v1/workers?state=idle&limit=1&cursor=c1",
      "GET /api/v1/workers?state=idle&limit=1&cursor=c2",
    ]);
  });

  test("a walk that is left early asks for no further page", async () => {
    const server = await aServer((_, response) =>
      sendJson(response, { hives: [{ hive_id: "a" }], next_cursor: "more" }),
    );
    for await (const hive of new HiveClient({ baseUrl: server.url }).eachHive()) {
      expect(hive.hive_id).toBe("a");
      break;
    }
    expect(server.seen).toHaveLength(1);
  });

  test("the server's code, message, status and details reach the caller", async () => {
    const error = { code: "NO_WORKER", message: "All are busy", details: { waiting: 3 } };
    const server = await aServer((_, response) => sendJson(response, { error }, 503, { "retry-after": "2" }));
    const asked = new HiveClient({ baseUrl: server.url }).route("m");
    await expect(asked).rejects.toThrow(ClientError);
    await expect(asked).rejects.toMatchObject({ ...error, status: 503, retryAfterSeconds: 2 });
    expect(server.seen).toEqual(["GET /api/v1/route?model=m"]);
  });

  test("a request is explained with its wishes in the address, each label for itself", async () => {
    const server = await aServer((_, response) => sendJson(response, { policy: "best", candidates: [] }));
    const client = new HiveClient({ baseUrl: server.url });
    await client.explain({
      model: "a/b",
      backend: "cuda",
      labels: { zone: "eu", note: "a&b" },
      exclude: ["w1", "h/w2"],
    });
    expect(server.seen).toEqual([
      "GET /api/v1/route?explain=true&model=a%2Fb&backend=cuda&label=zone%3Deu&label=note%3Da%26b&exclude=w1&exclude=h%2Fw2",
    ]);
  });

  test("an error that is no JSON still tells its status and its words", async () => {
    const server = await aServer((_, response) => void response.writeHead(502).end("bad gateway"));
    await expect(new HiveClient({ baseUrl: server.url }).stats()).rejects.toMatchObject({
      code: "HTTP_502",
      status: 502,
      message: "The queen answered 502: bad gateway",
    });
  });

  test("a successful answer that is no JSON says that this is no queen", async () => {
    const server = await aServer((_, response) => void response.end("<html>"));
    await expect(new HiveClient({ baseUrl: server.url }).stats()).rejects.toMatchObject({ code: "BAD_REPLY" });
  });

  test("a refused connection is QUEEN_UNREACHABLE; a hive's is HIVE_UNREACHABLE", async () => {
    const baseUrl = `http://127.0.0.1:${await aClosedPort()}`;
    const queen = new HiveClient({ baseUrl }).stats();
    await expect(queen).rejects.toMatchObject({ code: "QUEEN_UNREACHABLE", status: 0 });
    await expect(queen).rejects.toThrow(`No queen answers at ${baseUrl} (ECONNREFUSED)`);
    await expect(new HiveAgentClient({ baseUrl }).devices()).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
  });

  test("a server that does not answer is TIMEOUT, also when it stops in the middle of its answer", async () => {
    const mute = await aServer(() => undefined);
    await expect(new HiveClient({ baseUrl: mute.url, timeoutMs: 30 }).stats()).rejects.toMatchObject({
      code: "TIMEOUT",
      status: 0,
      server: "queen",
    });
    const half = await aServer((_, response) => void response.writeHead(200).write('{"models":'));
    await expect(new HiveClient({ baseUrl: half.url }).models({ timeoutMs: 100 })).rejects.toMatchObject({
      code: "TIMEOUT",
    });
  });

  test("an aborted call throws the signal's own reason and closes its connection", async () => {
    let closed = false;
    const server = await aServer((_, response) => void response.on("close", () => (closed = true)));
    const aborting = new AbortController();
    const asked = new HiveClient({ baseUrl: server.url }).stats({ signal: aborting.signal });
    const refused = expect(asked).rejects.toThrow("enough");
    await until("the request arrived", () => server.seen.length === 1);
    aborting.abort(new Error("enough"));
    await refused;
    await until("the connection closed", () => closed);
  });

  test("a GET whose connection is reset is tried once more, and no third time", async () => {
    const once = await aServer((request, response) => {
      if (once.seen.length === 1) request.socket.destroy();
      else sendJson(response, { models: [] });
    });
    expect(await new HiveClient({ baseUrl: once.url }).models()).toEqual([]);

    const always = await aServer((request) => void request.socket.destroy());
    await expect(new HiveClient({ baseUrl: always.url }).models()).rejects.toMatchObject({ code: "QUEEN_UNREACHABLE" });
    expect(always.seen).toHaveLength(2);
  });

  test("what changes something is never sent twice", async () => {
    const server = await aServer((request) => void request.socket.destroy());
    const client = new HiveClient({ baseUrl: server.url });
    await expect(client.startHive("desk")).rejects.toMatchObject({ code: "QUEEN_UNREACHABLE" });
    await expect(client.removeHive("desk")).rejects.toMatchObject({ code: "QUEEN_UNREACHABLE" });
    expect(server.seen).toEqual(["POST /api/v1/catalog/hives/desk/start", "DELETE /api/v1/hives/desk"]);
  });

  test("a request without a body claims no content type; one with a body is JSON", async () => {
    const server = await aServer((_, response) => sendJson(response, {}));
    const client = new HiveClient({ baseUrl: server.url });
    await client.stopHive("desk");
    await client.putCatalogHive("desk", { host: "127.0.0.1" });
    expect(server.requests.map(({ headers }) => headers["content-type"])).toEqual([undefined, "application/json"]);
    expect(server.requests[1]?.body).toBe('{"host":"127.0.0.1"}');
  });

  test("every route of the contract has its call", async () => {
    const server = await aServer((request, response) => {
      if (request.method === "DELETE") return void response.writeHead(204).end();
      sendJson(response, { workers: [], hives: [], models: [] });
    });
    const client = new HiveClient({ baseUrl: server.url });
    await client.heartbeat({ hive_id: "h", timestamp: "2026-11-01T00:00:00Z", workers: [] });
    await client.hivesPage({ max_age_ms: 1 });
    await client.hive("h", { max_age_ms: 2 });
    await client.removeHive("h");
    await client.hiveWorkers("h");
    await client.hiveResources("h");
    await client.workersPage({ model: "m", backend: "cpu", hive_id: "h" });
    await client.stats();
    await client.listCatalog();
    await client.catalogHive("h");
    await client.removeCatalogHive("h");
    await client.restartHive("h");
    await client.addMachine("h", { ssh: { host: "h" } });
    await client.installHive("h");
    await client.updateHive("h");
    await client.uninstallHive("h");
    await client.machineStatus("h");
    await client.hiveLogs("h", { tail_bytes: 9 });
    await client.operations();
    await client.operation("o");
    await client.cancelOperation("o/1");
    await client.health();
    expect(await client.ready()).toBe(true);
    expect(server.seen).toEqual([
      "POST /api/v1/heartbeat",
      "GET /api/v1/hives?max_age_ms=1",
      "GET /api/v1/hives/h?max_age_ms=2",
      "DELETE /api/v1/hives/h",
      "GET /api/v1/hives/h/workers",
      "GET /api/v1/hives/h/resources",
      "GET /api/v1/workers?model=m&backend=cpu&hive_id=h",
      "GET /api/v1/stats",
      "GET /api/v1/catalog/hives",
      "GET /api/v1/catalog/hives/h",
      "DELETE /api/v1/catalog/hives/h",
      "POST /api/v1/catalog/hives/h/restart",
      "POST /api/v1/catalog/hives/h/add",
      "POST /api/v1/catalog/hives/h/install",
      "POST /api/v1/catalog/hives/h/update",
      "POST /api/v1/catalog/hives/h/uninstall",
      "GET /api/v1/catalog/hives/h/machine",
      "GET /api/v1/catalog/hives/h/logs?tail_bytes=9",
      "GET /api/v1/operations",
      "GET /api/v1/operations/o",
      "POST /api/v1/operations/o%2F1/cancel",
      "GET /healthz",
      "GET /readyz",
    ]);
  });

  test("a queen that starts is not ready; any other failure is thrown", async () => {
    const starting = await aServer((_, response) =>
      sendJson(response, { error: { code: "SHUTTING_DOWN", message: "" } }, 503),
    );
    expect(await new HiveClient({ baseUrl: starting.url }).ready()).toBe(false);
    const closed = await aServer((_, response) =>
      sendJson(response, { error: { code: "UNAUTHENTICATED", message: "" } }, 401),
    );
    await expect(new HiveClient({ baseUrl: closed.url }).ready()).rejects.toMatchObject({ status: 401 });
  });

  test("a base that is no web address is the programmer's mistake", () => {
    expect(() => new HiveClient({ baseUrl: "localhost:7833" })).toThrow(TypeError);
    expect(() => new HiveClient({ baseUrl: "nonsense" })).toThrow(/baseUrl/);
  });
});

describe("calls to a hive", () => {
  test("workers are started, listed, read and stopped; a shutdown carries the header that web pages cannot send", async () => {
    const server = await aServer((request, response) => {
      if (request.url?.includes("/logs")) return void response.end("hello\n");
      if (request.method === "DELETE") return void response.writeHead(204).end();
      sendJson(response, { workers: [], phase: "ready" });
    });
    const hive = new HiveAgentClient({ baseUrl: server.url });
    expect(await hive.workers()).toEqual([]);
    expect(await hive.startWorker({ model: "x.gguf", wait: true })).toMatchObject({ phase: "ready" });
    expect(await hive.workerLogs("w 1", { tail_bytes: 100 })).toBe("hello\n");
    await hive.stopWorker("w 1");
    await hive.workerHeartbeat({ worker_id: "w", health_status: "healthy", timestamp: "2026-11-01T00:00:00Z" });
    await hive.shutdown();
    await hive.health();
    expect(server.seen).toEqual([
      "GET /v1/workers",
      "POST /v1/workers",
      "GET /v1/workers/w%201/logs?tail_bytes=100",
      "DELETE /v1/workers/w%201",
      "POST /v1/heartbeat",
      "POST /v1/shutdown",
      "GET /healthz",
    ]);
    expect(server.requests[5]?.headers["x-hive-shutdown"]).toBe("yes");
  });
});
