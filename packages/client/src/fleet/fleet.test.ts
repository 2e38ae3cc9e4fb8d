import { describe, expect, onTestFinished, test } from "vitest";
import { aQueen, type TestQueen } from "../testing/queen.ts";
import { aClosedPort, aServer, openStream, sendJson, until } from "../testing/server.ts";
import { aWorker, startStream } from "../testing/worker.ts";
import { connect, type Fleet, type FleetOptions } from "./fleet.ts";
import type { QueenNews } from "./queen-link.ts";

const backoff = { firstMs: 1, maxMs: 5 };

/** A client that knows what the queen knows. Ends with the test. */
async function aFleet(queen: { readonly url: string }, options: FleetOptions = {}): Promise<Fleet> {
  const fleet = connect(queen.url, { backoff, ...options });
  onTestFinished(() => fleet.close());
  await fleet.ready;
  return fleet;
}

const chat = (model = "m") => ({ method: "POST", body: JSON.stringify({ model, messages: [] }) });
const CHAT = "/v1/chat/completions";
const isFree = (fleet: Fleet) => until("every place is given back", () => fleet.registry.reservationCount() === 0);

describe("a fleet", () => {
  test("is known after ready, and a request goes straight to a worker", async () => {
    const [queen, worker] = [await aQueen(), await aWorker("gpu-0")];
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen);
    expect(fleet.workers().map((known) => known.worker.worker_id)).toEqual(["gpu-0"]);
    expect(fleet.models()).toMatchObject([{ model: "m", workers: 1 }]);
    expect(fleet.findBestWorkerForModel("m")).toMatchObject({ hive_id: "desk" });
    expect(fleet.stale_ms).toBe(0);

    const response = await fleet.fetch(CHAT, chat());
    expect([response.status, response.headers.get("x-hive-worker"), response.headers.get("x-hive-id")]).toEqual([
      ...[200, "gpu-0", "desk"],
    ]);
    expect(response.url).toBe(`${worker.url}${CHAT}`);
    expect(await response.json()).toEqual({ text: "here is gpu-0", model: "m" });
    expect(worker.requests[0]?.headers["content-type"]).toBe("application/json");
    expect(queen.seen).toEqual(["GET /api/v1/watch"]);
    await isFree(fleet);
  });

  test("spreads requests between heartbeats over all places, and makes the next one wait for the first that comes free", async () => {
    const queen = await aQueen();
    const open: (() => void)[] = [];
    const slow = (name: string) =>
      aWorker(name, (response) => void open.push(() => sendJson(response, { text: name })));
    const [a, b] = [await slow("a"), await slow("b")];
    queen.beat("desk", [a.info({ slots_total: 1 }), b.info({ slots_total: 1 })]);
    const fleet = await aFleet(queen);
    const asked = [1, 2, 3].map(async () => (await fleet.fetch(CHAT, chat())).json());
    await until("two are asked", () => open.length === 2);
    expect([a.seen.length, b.seen.length]).toEqual([1, 1]);
    open[0]?.();
    await until("the third is asked", () => open.length === 3);
    for (const answer of open.slice(1)) answer();
    expect((await Promise.all(asked)).length).toBe(3);
    await isFree(fleet);
  });

  test("asks a worker by the name that it knows the model by", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info({ model_id: "org/Llama-3-8B.gguf" })]);
    const fleet = await aFleet(queen, { aliases: { chatty: "org/Llama-3-8B.gguf" } });
    for (const name of ["llama-3-8b", "chatty"]) {
      expect(await (await fleet.fetch(CHAT, chat(name))).json()).toMatchObject({ model: "org/Llama-3-8B.gguf" });
    }
  });

  test("takes what fetch takes: bytes, forms, streams, URLs and requests", async () => {
    const queen = await aQueen();
    const bodies: string[] = [];
    const worker = await aServer((_, response, body) => {
      bodies.push(body);
      sendJson(response, {});
    });
    queen.beat("desk", [(await aWorker()).info({ url: `${worker.url}/v1/`, model_id: "org/m:latest" })]);
    const fleet = await aFleet(queen);
    const text = '{"input":"é","model":"m"}';
    const form = new FormData();
    form.set("model", "m");
    const bytes = new TextEncoder().encode(text);
    await fleet.fetch("/v1/embeddings?x=1", { method: "POST", body: bytes });
    await fleet.fetch(new URL("/v1/embeddings", queen.url), { body: new Blob([bytes]) });
    await fleet.fetch(`${queen.url}/v1/audio/transcriptions`, { method: "POST", body: form });
    await fleet.fetch(new Request(`${queen.url}/v1/embeddings`, { method: "POST", body: text }));
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(8_000_000)) });
    const refused = await fleet.fetch("/v1/embeddings", {
      method: "POST",
      body: endless,
      duplex: "half",
    } as RequestInit);
    expect(refused.status).toBe(413);
    await fleet.fetch("/tokenize", { method: "POST", model: "m", body: "plain" });
    expect(worker.seen).toEqual([
      ...["POST /v1/embeddings?x=1", "POST /v1/embeddings", "POST /v1/audio/transcriptions", "POST /v1/embeddings"],
      "POST /tokenize",
    ]);
    const renamed = '{"input":"é","model":"org/m:latest"}';
    expect([bodies[0], bodies[1], bodies[3], bodies[4]]).toEqual([renamed, renamed, renamed, "plain"]);
    expect(bodies[2]).toContain("org/m:latest");
  });

  test("refuses what it cannot send, in the shape that OpenAI's clients understand", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info({ model_id: "llama-3-8b", slots_total: 0 })]);
    const fleet = await aFleet(queen, { waitMs: 0 });
    const told = async (body: BodyInit) => {
      const response = await fleet.fetch(CHAT, { method: "POST", body });
      const { error } = (await response.json()) as { error: { code: string; message: string; param: string | null } };
      return [response.status, error.code, error.param, response.headers.get("retry-after")];
    };
    expect(await told('{"model":"lama-3-8b"}')).toEqual([404, "model_not_found", "model", null]);
    expect(await told('{"model":"llama-3-8b"}')).toEqual([503, "no_worker", null, "1"]);
    expect(await told('{"prompt":"x"}')).toEqual([400, "invalid_request", null, null]);
    expect(await told("x".repeat(33_554_433))).toEqual([413, "body_too_large", null, null]);
    await expect(fleet.fetch("https://elsewhere.example/v1/models")).rejects.toThrow(TypeError);
    expect(worker.seen).toEqual([]);
  });

  test("lists the models of all workers from memory", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [
      worker.info({ worker_id: "a", model_id: "one" }),
      worker.info({ worker_id: "b", model_id: "two" }),
    ]);
    const fleet = await aFleet(queen);
    const read = async (path: string) => (await fleet.fetch(path)).json();
    const list = (await read("/v1/models")) as { data: { id: string }[] };
    expect(list.data.map(({ id }) => id).toSorted()).toEqual(["one", "two"]);
    expect(await read("/v1/models/one")).toMatchObject({ id: "one", object: "model" });
    expect((await fleet.fetch("/v1/models/three")).status).toBe(404);
    expect(worker.seen).toEqual([]);
  });

  test("gives the fleet's token to workers that have it, and to no other server", async () => {
    const [queen, ours, found] = [await aQueen(), await aWorker("ours"), await aWorker("found")];
    const model = (model_id: string) => ({ model_id, models: [] });
    queen.beat("desk", [
      ours.info({ ...model("a"), engine: "llama-cpp" }),
      found.info({ ...model("b"), engine: "vllm" }),
      found.info({ ...model("c"), worker_id: "luring", engine: "vllm", url: `${found.url}/v1/servers/x` }),
    ]);
    const fleet = await aFleet(queen, { token: "fleet-key" });
    for (const name of ["a", "b", "c"]) await (await fleet.fetch(CHAT, chat(name))).text();
    expect(ours.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer fleet-key"]);
    expect(found.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  test("gives each worker its key, and the openai client's own key to nobody", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info({ engine: "llama-cpp" })]);
    const keys = () => worker.requests.map(({ headers }) => headers.authorization);
    const fleet = await aFleet(queen, { token: "fleet-key" });
    await fleet.fetch(CHAT, chat());
    await fleet.fetch(CHAT, { ...chat(), headers: { authorization: "Bearer mine" } });
    await fleet.openai().fetch(`${queen.url}${CHAT}`, { ...chat(), headers: { authorization: "Bearer none" } });
    const other = await aFleet(queen, { workerToken: ({ hive_id }) => `key of ${hive_id}` });
    await other.openai().fetch(`${queen.url}${CHAT}`, chat());
    expect(keys()).toEqual(["Bearer fleet-key", "Bearer mine", "Bearer fleet-key", "Bearer key of desk"]);
    expect(fleet.openai()).toMatchObject({ baseURL: `${queen.url}/v1`, apiKey: "fleet-key" });
  });

  test("keeps the requests of one session together, as the gateway's headers ask", async () => {
    const queen = await aQueen();
    const workers = [await aWorker("a"), await aWorker("b"), await aWorker("c")];
    queen.beat(
      "desk",
      workers.map((worker) => worker.info()),
    );
    const fleet = await aFleet(queen);
    const headers = { "x-hive-session": "ada" };
    for (let round = 0; round < 6; round++) await (await fleet.fetch(CHAT, { ...chat(), headers })).text();
    expect(workers.map(({ seen }) => seen.length).toSorted()).toEqual([0, 0, 6]);
    expect(workers.flatMap(({ requests }) => requests).some((one) => "x-hive-session" in one.headers)).toBe(false);
  });

  test("keeps requests together whose prompts begin alike, without being told how they begin", async () => {
    const queen = await aQueen();
    const workers = [await aWorker("a"), await aWorker("b"), await aWorker("c")];
    queen.beat(
      "desk",
      workers.map((worker) => worker.info()),
    );
    const fleet = await aFleet(queen, { policy: "prefix" });
    const ask = async (system: string, user: string) => {
      const body = JSON.stringify({
        model: "m",
        messages: [
          { role: "system", content: system.repeat(200) },
          { role: "user", content: user },
        ],
      });
      const response = await fleet.fetch(CHAT, { method: "POST", body });
      await response.text();
      return response.headers.get("x-hive-worker");
    };
    const first = { pirate: await ask("You are a pirate. ", "1"), poet: await ask("You are a poet. ", "2") };
    expect(first.pirate).not.toBe(first.poet);
    for (let round = 3; round < 8; round++) {
      expect([await ask("You are a poet. ", `${round}`), await ask("You are a pirate. ", `${round}`)]).toEqual([
        first.poet,
        first.pirate,
      ]);
    }
  });

  test("sends to one worker alone what is wished for it alone, however many are called alike", async () => {
    const queen = await aQueen();
    const [a, b] = [await aWorker("demo"), await aWorker("demo", (response) => sendJson(response, {}, 503))];
    queen.beat("desk", [a.info(), a.info({ worker_id: "other", gpu_percent: 0 })]);
    queen.beat("rack", [b.info()]);
    const fleet = await aFleet(queen);
    const asked = async (worker: string) => {
      const response = await fleet.fetch(CHAT, { ...chat(), headers: { "x-hive-worker": worker } });
      return [response.status, response.headers.get("x-hive-id"), response.headers.get("x-hive-worker")];
    };
    expect(await asked("desk/demo")).toEqual([200, "desk", "demo"]);
    expect(await asked("other")).toEqual([200, "desk", "other"]);
    expect(await asked("desk/nobody")).toEqual([404, null, null]);
    expect((await asked("rack/demo"))[0]).toBe(503);
    expect(b.seen).toHaveLength(1);
  });

  test("says what is wrong with a wish that it cannot read", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen);
    for (const [name, value] of [
      ["x-hive-policy", "cheapest"],
      ["x-hive-labels", "gpu"],
    ] as const) {
      const response = await fleet.fetch(CHAT, { ...chat(), headers: { [name]: value } });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining(name) } });
    }
    const elsewhere = await fleet.fetch(CHAT, { ...chat(), headers: { "x-hive-labels": "gpu=a100" }, waitMs: 0 });
    expect(elsewhere.status).toBe(503);
    expect((await fleet.fetch(CHAT, { ...chat(), reserve: { hive_id: "desk" } })).status).toBe(200);
  });

  test("streams an answer piece by piece as a conversation", async () => {
    const queen = await aQueen();
    const worker = await aWorker("a", (response) => {
      startStream(response, ['{"choices":[{"delta":{"content":"Hel"}}]}', '{"choices":[{"delta":{"content":"lo"}}]}']);
      response.end("data: [DONE]\n\n");
    });
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen);
    let said = "";
    for await (const { content } of fleet.chat({ model: "m", messages: [{ role: "user", content: "hi" }] }))
      said += content;
    expect(said).toBe("Hello");
    await isFree(fleet);
  });
});

describe("a worker that fails before its first byte is replaced by another", () => {
  async function withBroken(broken: (queen: TestQueen) => Promise<void>) {
    const [queen, good] = [await aQueen(), await aWorker("good")];
    await broken(queen);
    const fleet = await aFleet(queen);
    // Whoever is tried first, both are tried in the end, and the good one last.
    queen.beat("late", [good.info({ gpu_percent: 100 })]);
    await until("the good one is known", () => fleet.workers().length > 1);
    return { queen, good, fleet };
  }

  test("when nobody answers at its address", async () => {
    const port = await aClosedPort();
    const { good, fleet } = await withBroken(async (queen) => {
      queen.beat("desk", [
        (await aWorker()).info({ worker_id: "gone", url: `http://127.0.0.1:${port}`, gpu_percent: 0 }),
      ]);
    });
    for (let round = 0; round < 4; round++) expect((await fleet.fetch(CHAT, chat())).status).toBe(200);
    expect(good.seen).toHaveLength(4);
    await isFree(fleet);
  });

  test.each([502, 503, 504])("when it says %i", async (status) => {
    const broken = await aWorker("broken", (response) => sendJson(response, { error: { message: "no" } }, status));
    const { good, fleet } = await withBroken(async (queen) => queen.beat("desk", [broken.info({ gpu_percent: 0 })]));
    for (let round = 0; round < 3; round++) {
      expect((await fleet.fetch(CHAT, chat())).headers.get("x-hive-worker")).toBe("good");
    }
    // It is asked once: then it is set aside, however idle it looks.
    expect([broken.seen.length, good.seen.length]).toEqual([1, 3]);
    await isFree(fleet);
  });

  test("when it hangs up before it said anything, or after the head alone", async () => {
    for (const head of [false, true]) {
      const broken = await aWorker("broken", (response) => {
        if (head) openStream(response);
        setImmediate(() => response.socket?.resetAndDestroy());
      });
      const { good, fleet } = await withBroken(async (queen) => queen.beat("desk", [broken.info({ gpu_percent: 0 })]));
      expect(await (await fleet.fetch(CHAT, chat())).json()).toMatchObject({ text: "here is good" });
      expect([broken.seen.length, good.seen.length]).toEqual([1, 1]);
      await isFree(fleet);
    }
  });

  test("when it says nothing for too long", async () => {
    const hung = await aWorker("hung", () => undefined);
    const [queen, good] = [await aQueen(), await aWorker("good")];
    queen.beat("desk", [hung.info({ gpu_percent: 0 }), good.info({ gpu_percent: 100 })]);
    const fleet = await aFleet(queen, { headMs: 50 });
    expect((await fleet.fetch(CHAT, chat())).headers.get("x-hive-worker")).toBe("good");
    await isFree(fleet);
  });

  test("also when another hive calls its worker by the same id", async () => {
    const broken = await aWorker("demo", (response) => sendJson(response, {}, 503));
    const { good, fleet } = await withBroken(async (queen) => queen.beat("desk", [broken.info({ gpu_percent: 0 })]));
    expect(good.seen).toHaveLength(0);
    expect((await fleet.fetch(CHAT, chat())).status).toBe(200);
  });

  test("and is not asked again for the same request, not even when it alone has room", async () => {
    const queen = await aQueen();
    const broken = await aWorker("broken", (response) => sendJson(response, {}, 503));
    const busy = await aWorker("busy");
    queen.beat("desk", [broken.info({ gpu_percent: 0 }), busy.info({ slots_total: 1, gpu_percent: 100 })]);
    const fleet = await aFleet(queen);
    const place = await fleet.reserve({ model: "m", exclude: ["broken"] });
    const asked = fleet.fetch(CHAT, chat());
    const untilMs = () => fleet.registry.getWorker("broken")?.set_aside_until_ms;
    await until("it is set aside", () => untilMs() !== undefined);
    const mayBeTriedMs = untilMs() as number;
    await until("it may be tried again", () => Date.now() > mayBeTriedMs + 500);
    expect(broken.seen).toHaveLength(1);
    place.release();
    expect((await asked).headers.get("x-hive-worker")).toBe("busy");
    expect(broken.seen).toHaveLength(1);
    await isFree(fleet);
  });

  test("but none is asked twice, and three at most: then its own words are the answer, and OpenAI's clients do not try again", async () => {
    const queen = await aQueen();
    const broken = await Promise.all(
      ["a", "b", "c", "d"].map((name) =>
        aWorker(name, (response) =>
          sendJson(response, { error: { message: "the queue is full", code: "queue_full" } }, 503),
        ),
      ),
    );
    queen.beat(
      "desk",
      broken.slice(0, 1).map((worker) => worker.info()),
    );
    const fleet = await aFleet(queen);
    const told = async () => {
      const response = await fleet.fetch(CHAT, chat());
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      return [response.status, response.headers.get("x-should-retry"), error.code, error.message];
    };
    expect(await told()).toEqual([503, "false", "queue_full", "the queue is full"]);
    expect(broken.map(({ seen }) => seen.length)).toEqual([1, 0, 0, 0]);

    queen.beat(
      "rack",
      broken.slice(1).map((worker) => worker.info()),
    );
    queen.beat("shed", [(await aWorker()).info({ worker_id: "spare", model_id: "other" })]);
    await until("all are known", () => fleet.workers().length === 5);
    expect((await told())[0]).toBe(503);
    const asked = broken.map(({ seen }) => seen.length);
    expect(Math.max(...asked.slice(1))).toBe(1);
    expect(asked.reduce((sum, one) => sum + one)).toBe(4);
    await isFree(fleet);
  });

  test("what a worker answers otherwise is the answer, refusals too", async () => {
    const queen = await aQueen();
    let status = 400;
    const worker = await aWorker("a", (response) => sendJson(response, { error: { message: "yours" } }, status));
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen);
    for (status of [400, 401, 404, 429, 500]) expect((await fleet.fetch(CHAT, chat())).status).toBe(status);
    expect(worker.seen).toHaveLength(5);
    await isFree(fleet);
  });

  test("a request that cannot be sent is no worker's fault", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen);
    await expect(fleet.fetch(CHAT, { ...chat(), method: "B A D" })).rejects.toThrow(TypeError);
    expect((await fleet.fetch(CHAT, chat())).status).toBe(200);
    await isFree(fleet);
  });
});

describe("a place is given back exactly once", () => {
  /** A worker whose stream goes on until somebody hangs up. */
  async function anEndlessFleet(options: FleetOptions = {}) {
    const queen = await aQueen();
    let hungUp = 0;
    const worker = await aWorker("a", (response) => {
      startStream(response, ["one", "two"]);
      response.on("close", () => hungUp++);
    });
    queen.beat("desk", [worker.info()]);
    return { queen, worker, fleet: await aFleet(queen, options), hungUp: () => hungUp };
  }

  test("when the body is cancelled", async () => {
    const { fleet, hungUp } = await anEndlessFleet();
    const response = await fleet.fetch(CHAT, chat());
    expect(fleet.registry.reservationCount()).toBe(1);
    await response.body?.cancel();
    expect(fleet.registry.reservationCount()).toBe(0);
    await until("the worker notices", () => hungUp() === 1);
  });

  test("when the caller's signal aborts, in mid-stream or before", async () => {
    const { fleet, hungUp } = await anEndlessFleet();
    const leaving = new AbortController();
    const response = await fleet.fetch(CHAT, { ...chat(), signal: leaving.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    leaving.abort(new Error("enough"));
    expect(fleet.registry.reservationCount()).toBe(0);
    await expect(reader?.closed).rejects.toThrow("enough");
    await until("the worker notices", () => hungUp() === 1);
    await expect(fleet.fetch(CHAT, { ...chat(), signal: leaving.signal })).rejects.toThrow("enough");

    const hung = await aWorker("hung", () => undefined);
    const queen = await aQueen();
    queen.beat("desk", [hung.info()]);
    const other = await aFleet(queen);
    const soon = new AbortController();
    const asked = expect(other.fetch(CHAT, { ...chat(), signal: soon.signal })).rejects.toThrow("left");
    await until("it is asked", () => hung.seen.length === 1);
    soon.abort(new Error("left"));
    await asked;
    expect(other.registry.reservationCount()).toBe(0);
  });

  test("when the worker breaks off, which the body's reader is told", async () => {
    const queen = await aQueen();
    const worker = await aWorker("a", (response) => {
      startStream(response, ["one"]);
      setTimeout(() => response.socket?.resetAndDestroy(), 20);
    });
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen);
    const response = await fleet.fetch(CHAT, chat());
    await expect(response.text()).rejects.toMatchObject({ code: "STREAM_CUT", server: "worker" });
    await isFree(fleet);
  });

  test("when a short answer is dropped unread", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen);
    await fleet.fetch(CHAT, chat());
    await isFree(fleet);
  });

  test("when a long answer is dropped unread, by its time", async () => {
    const queen = await aQueen();
    const piece = "x".repeat(65_536);
    const worker = await aWorker("a", (response) =>
      startStream(
        response,
        Array.from({ length: 64 }, () => piece),
      ),
    );
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen, { ttlMs: 300 });
    const response = await fleet.fetch(CHAT, chat());
    expect(fleet.registry.reservationCount()).toBe(1);
    await isFree(fleet);
    await response.body?.cancel();
  });
});

describe("while the queen is away", () => {
  test("requests go on, the age of what is known is told, and everything is right again when she is back", async () => {
    const [queen, worker, other] = [await aQueen(), await aWorker("a"), await aWorker("b")];
    queen.beat("desk", [worker.info()]);
    const news: QueenNews["type"][] = [];
    const fleet = connect(queen.url, { backoff });
    onTestFinished(() => fleet.close());
    fleet.onQueen(({ type }) => news.push(type));
    await fleet.ready;
    await queen.leave();
    await until("it is noticed", () => news.length === 1);
    await until("it grows old", () => fleet.stale_ms > 5);
    expect((await fleet.fetch(CHAT, chat())).status).toBe(200);

    await queen.comeBack();
    await until("she is back", () => news.length === 2);
    expect(news).toEqual(["lost", "back"]);
    expect(fleet.stale_ms).toBe(0);
    // She has an empty memory; the workers have not gone.
    expect((await fleet.fetch(CHAT, chat())).status).toBe(200);
    queen.beat("desk", [worker.info(), other.info()]);
    await until("what is new is known", () => fleet.workers().length === 2);
  });

  test("before the first word from her a request waits, and then says who is missing", async () => {
    const port = await aClosedPort();
    const fleet = connect(`http://127.0.0.1:${port}`, { backoff, waitMs: 30 });
    onTestFinished(() => fleet.close());
    expect(fleet.stale_ms).toBe(Number.POSITIVE_INFINITY);
    const response = await fleet.fetch(CHAT, chat());
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "queen_unreachable" } });
    await expect(fleet.reserve({ model: "m" })).rejects.toMatchObject({ code: "QUEEN_UNREACHABLE" });
  });

  test("closed before the first word from her, a request is told so", async () => {
    const fleet = connect(`http://127.0.0.1:${await aClosedPort()}`, { backoff });
    const asked = fleet.fetch(CHAT, chat());
    await fleet.close();
    expect(await (await asked).json()).toMatchObject({ error: { code: "shutting_down" } });
  });

  test("a wrong token is told by ready and by every request", async () => {
    const closed = await aServer((_, response) =>
      sendJson(response, { error: { code: "UNAUTHENTICATED", message: "no" } }, 401),
    );
    const fleet = connect(closed.url, { backoff });
    onTestFinished(() => fleet.close());
    await expect(fleet.ready).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect((await fleet.fetch(CHAT, chat())).status).toBe(401);
    // In the time of these she would have been asked again.
    for (let round = 0; round < 20; round++) await (await fetch(closed.url)).text();
    expect(closed.seen).toHaveLength(21);
  });

  test("a fleet that is known survives even a refusal", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen);
    const { port } = new URL(queen.url);
    const lost = new Promise((resolve) => fleet.onQueen(({ type }) => type === "lost" && resolve(undefined)));
    await queen.leave();
    const stranger = await aServer(
      (_, response) => sendJson(response, { error: { code: "FORBIDDEN", message: "no" } }, 403),
      {
        port: Number(port),
      },
    );
    await lost;
    await until("it was refused again and again", () => stranger.seen.length > 1);
    expect((await fleet.fetch(CHAT, chat())).status).toBe(200);
    await stranger.close();
    await queen.comeBack();
    await until("she is back", () => fleet.stale_ms === 0);
  });

  test("closed, it takes nothing new and leaves nothing open", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info({ slots_total: 1 })]);
    const fleet = await aFleet(queen);
    await fleet.reserve({ model: "m" });
    const waiting = expect(fleet.reserve({ model: "m" })).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    await fleet.close();
    await waiting;
    expect((await fleet.fetch(CHAT, chat())).status).toBe(503);
    await expect(fleet.reserve({ model: "m" })).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

describe("with places from the queen", () => {
  test("every place is asked of her and given back to her, with how it went", async () => {
    const queen = await aQueen();
    const [good, broken] = [await aWorker("good"), await aWorker("broken", (response) => sendJson(response, {}, 503))];
    queen.beat("desk", [broken.info({ gpu_percent: 0 }), good.info({ gpu_percent: 100 })]);
    const fleet = await aFleet(queen, { coordination: "queen" });
    expect((await fleet.fetch(CHAT, chat())).headers.get("x-hive-worker")).toBe("good");
    await until("both are given back", () => ["error", "ok"].every((outcome) => queen.outcomes.includes(outcome)));
    expect([broken.seen.length, good.seen.length]).toEqual([1, 1]);
    expect([queen.registry.reservationCount(), fleet.registry.reservationCount()]).toEqual([0, 0]);

    const place = await fleet.reserve({ model: "m" });
    expect(queen.registry.reservationCount()).toBe(1);
    place.release("cancelled");
    place.release("error");
    await until("it is given back", () => queen.registry.reservationCount() === 0);
    expect(queen.outcomes.at(-1)).toBe("cancelled");
  });

  test("she is told who left and who broke off", async () => {
    const queen = await aQueen();
    const cuts: (() => void)[] = [];
    const worker = await aWorker("a", (response) => {
      startStream(response, ["one"]);
      cuts.push(() => response.socket?.resetAndDestroy());
    });
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen, { coordination: "queen" });
    const told = (count: number) => until("she is told", () => queen.outcomes.length === count);
    await (await fleet.fetch(CHAT, chat())).body?.cancel();
    await told(1);
    const leaving = new AbortController();
    await fleet.fetch(CHAT, { ...chat(), signal: leaving.signal });
    leaving.abort();
    await told(2);
    const cut = await fleet.fetch(CHAT, chat());
    cuts[2]?.();
    await expect(cut.text()).rejects.toMatchObject({ code: "STREAM_CUT" });
    await told(3);
    expect(queen.outcomes).toEqual(["cancelled", "cancelled", "error"]);
  });

  test("who leaves while her answer is on its way gives the place back all the same", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info()]);
    const leaving = new AbortController();
    const fleet = await aFleet(queen, {
      coordination: "queen",
      async fetch(url, init) {
        const reply = await fetch(url, init);
        if (url.endsWith("/reservations")) leaving.abort(new Error("left"));
        return reply;
      },
    });
    await expect(fleet.reserve({ model: "m" }, { signal: leaving.signal })).rejects.toThrow("left");
    await until("it is given back", () => queen.outcomes.length === 1);
    expect([queen.outcomes, queen.registry.reservationCount()]).toEqual([["cancelled"], 0]);
  });

  test("what she refuses is refused", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info({ slots_total: 1 })]);
    const fleet = await aFleet(queen, { coordination: "queen", waitMs: 0 });
    const place = await fleet.reserve({ model: "m" });
    await expect(fleet.reserve({ model: "m" })).rejects.toMatchObject({ code: "NO_WORKER" });
    expect((await fleet.fetch(CHAT, chat())).status).toBe(503);
    place.release();
  });

  test("while she is away the own copy serves, or nobody where that was asked for; then she is asked again", async () => {
    const [queen, worker] = [await aQueen(), await aWorker()];
    queen.beat("desk", [worker.info()]);
    const fleet = await aFleet(queen, { coordination: "queen" });
    const strict = await aFleet(queen, { coordination: "queen", whenQueenIsAway: "refuse" });
    const asked = () => queen.seen.filter((request) => request === "POST /api/v1/reservations").length;
    await queen.leave();
    expect((await fleet.fetch(CHAT, chat())).status).toBe(200);
    const refused = await strict.fetch(CHAT, chat());
    expect([refused.status, await refused.json()]).toMatchObject([502, { error: { code: "queen_unreachable" } }]);
    expect(asked()).toBe(0);
    await queen.comeBack();
    queen.beat("desk", [worker.info()]);
    await until("she is back", () => fleet.stale_ms === 0);
    expect((await fleet.fetch(CHAT, chat())).status).toBe(200);
    expect(asked()).toBe(1);
  });
});
