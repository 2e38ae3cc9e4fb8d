import { describe, expect, test } from "vitest";
import { type AGateway, aGateway } from "./testing/a-gateway.ts";
import { aFakeWorker, saying } from "./testing/fake-worker.ts";

const BUSY = { url: "http://127.0.0.1:9", state: "Busy" } as const;
const queued = (gateway: AGateway, count: number) => expect.poll(() => gateway.stats().requests.queued).toBe(count);

describe("when all workers of a model are busy, a request", () => {
  test("waits, in the order of coming, for the very worker that comes free", async () => {
    const worker = await aFakeWorker(saying("hello"));
    const gateway = await aGateway();
    gateway.report([BUSY]);
    const order: string[] = [];
    const asked: Promise<unknown>[] = [];
    for (const name of ["first", "second", "third"]) {
      const reply = gateway.chat({ user: name }).then(({ headers, status }) => {
        order.push(name);
        return [status, Number(headers.get("x-hive-queue-ms")) >= 0];
      });
      asked.push(reply);
      await queued(gateway, asked.length);
    }
    gateway.report([{ url: worker.url, slots_total: 1 }]);
    expect(await Promise.all(asked)).toEqual(Array(3).fill([200, true]));
    expect(order).toEqual(["first", "second", "third"]);
    expect(worker.got.map(({ body }) => (JSON.parse(body) as { user: string }).user)).toEqual(order);
  });

  test("that waited too long is refused properly: when to come back, and that asking at once is no use", async () => {
    const gateway = await aGateway({ queueWaitMs: 100 });
    gateway.report([BUSY]);
    const reply = await gateway.chat();
    expect([reply.status, await reply.json()]).toEqual([
      503,
      {
        error: {
          message: expect.stringContaining("100 ms"),
          type: "unavailable_error",
          param: null,
          code: "no_worker",
        },
      },
    ]);
    expect([reply.headers.get("retry-after"), reply.headers.get("x-should-retry")]).toEqual(["5", "false"]);
    expect(gateway.stats()).toMatchObject({ requests: { in_flight: 0, queued: 0 } });
  });

  test("that finds the line full is refused at once", async () => {
    const gateway = await aGateway({}, { line: { perModel: 1, total: 10 } });
    gateway.report([BUSY]);
    const client = new AbortController();
    const first = gateway.chat({}, { signal: client.signal }).catch(() => undefined);
    await queued(gateway, 1);
    const second = await gateway.chat();
    expect([second.status, second.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await second.json()).toMatchObject({ error: { code: "no_worker" } });
    client.abort();
    await first;
  });

  test("by another name of the model is woken by the same worker", async () => {
    const worker = await aFakeWorker();
    const gateway = await aGateway();
    gateway.report([{ ...BUSY, model_id: "llama3:latest" }]);
    const asked = gateway.chat({ model: "Llama3" });
    await queued(gateway, 1);
    gateway.report([{ url: worker.url, model_id: "llama3:latest" }]);
    expect((await asked).status).toBe(200);
    expect(worker.got[0]?.body).toContain('"model":"llama3:latest"');
  });
});

describe("a model that nobody has", () => {
  test("is told at once, with names that are near it", async () => {
    const gateway = await aGateway();
    gateway.report([{ ...BUSY, model_id: "llama-3-8b" }]);
    const reply = await gateway.chat({ model: "lama-3-8b" });
    expect([reply.status, await reply.json()]).toMatchObject([
      404,
      { error: { code: "model_not_found", param: "model", message: expect.stringContaining("llama-3-8b") } },
    ]);
  });

  test("may still come while the queen has only started, and is waited for", async () => {
    const worker = await aFakeWorker();
    const gateway = await aGateway({}, { heartbeatIntervalMs: 60_000 });
    const asked = gateway.chat();
    await queued(gateway, 1);
    gateway.report([{ url: worker.url }]);
    expect((await asked).status).toBe(200);
  });

  test("and did not come until every hive must have been heard is unknown", async () => {
    const gateway = await aGateway({}, { heartbeatIntervalMs: 500 });
    expect((await gateway.chat()).status).toBe(404);
  });
});

describe("a request can be pinned", () => {
  test("to one worker, by its id or by HIVE/WORKER", async () => {
    const [one, two] = await Promise.all([aFakeWorker(), aFakeWorker()]);
    const gateway = await aGateway();
    gateway.report([
      { worker_id: "a", url: one.url, gpu_percent: 0 },
      { worker_id: "b", url: two.url, gpu_percent: 90 },
    ]);
    for (const pin of ["b", "desk/b"]) {
      const reply = await gateway.chat({}, { headers: { "x-hive-worker": pin } });
      expect([reply.status, reply.headers.get("x-hive-worker")]).toEqual([200, "b"]);
    }
    expect([one.got.length, two.got.length]).toEqual([0, 2]);
  });

  test("to one that is not there, or has another model: 404; to one that is busy: it waits, and then 503", async () => {
    const other = await aFakeWorker();
    const gateway = await aGateway({ queueWaitMs: 100 });
    gateway.report([
      { worker_id: "a", ...BUSY },
      { worker_id: "b", url: other.url, model_id: "x" },
      { url: other.url },
    ]);
    const ask = async (pin: string) => {
      const reply = await gateway.chat({}, { headers: { "x-hive-worker": pin } });
      return [reply.status, ((await reply.json()) as { error: { code: string } }).error.code];
    };
    expect(await ask("nobody")).toEqual([404, "worker_not_found"]);
    expect(await ask("b")).toEqual([404, "model_not_found"]);
    expect(await ask("a")).toEqual([503, "no_worker"]);
    expect(other.got).toHaveLength(0);
  });

  test("and a pinned worker that fails is not replaced", async () => {
    const other = await aFakeWorker();
    const gateway = await aGateway();
    gateway.report([
      { worker_id: "a", url: "http://127.0.0.1:9" },
      { worker_id: "b", url: other.url },
    ]);
    expect((await gateway.chat({}, { headers: { "x-hive-worker": "a" } })).status).toBe(502);
    expect(other.got).toHaveLength(0);
  });
});

describe("a request can say how its worker is chosen", () => {
  test("one session meets one worker", async () => {
    const workers = await Promise.all(Array.from({ length: 4 }, () => aFakeWorker()));
    const gateway = await aGateway();
    gateway.report(workers.map(({ url }) => ({ url, slots_total: 8 })));
    for (const session of ["ada", "bob", "eve"]) {
      const met = new Set<string | null>();
      for (let turn = 0; turn < 5; turn++) {
        met.add((await gateway.chat({}, { headers: { "x-hive-session": session } })).headers.get("x-hive-worker"));
      }
      expect([session, met.size]).toEqual([session, 1]);
    }
  });

  test.each([
    ["/v1/chat/completions", (text: string) => ({ messages: [{ role: "system", content: text }] })],
    ["/v1/completions", (prompt: string) => ({ prompt })],
    ["/v1/messages", (system: string) => ({ messages: [{ role: "user", content: "Hi" }], system })],
  ])("prompts on %s that begin alike meet one worker", async (path, bodyOf) => {
    const workers = await Promise.all(Array.from({ length: 4 }, () => aFakeWorker()));
    const gateway = await aGateway();
    gateway.report(workers.map(({ url }) => ({ url, slots_total: 8 })));
    const headers = { "x-hive-policy": "prefix" };
    for (const subject of ["the sea", "a mountain", "one city"]) {
      const beginning = `You know everything about ${subject}. `.repeat(20);
      const met = new Set<string | null>();
      for (let turn = 0; turn < 4; turn++) {
        const body = { model: "m", ...bodyOf(`${beginning}Question ${turn}?`) };
        met.add((await gateway.post(path, body, { headers })).headers.get("x-hive-worker"));
      }
      expect([subject, met.size]).toEqual([subject, 1]);
    }
  });

  test("and which pool it comes from", async () => {
    const [cuda, metal] = await Promise.all([aFakeWorker(), aFakeWorker()]);
    const gateway = await aGateway();
    gateway.report([{ url: cuda.url, backend: "cuda" }], "desk");
    gateway.report([{ url: metal.url, backend: "metal" }], "mac");
    const metBy = async (headers: Record<string, string>) =>
      (await gateway.chat({}, { headers })).headers.get("x-hive-id");
    for (let turn = 0; turn < 3; turn++) {
      expect(await metBy({ "x-hive-backend": "metal" })).toBe("mac");
      expect(await metBy({ "x-hive-id": "desk" })).toBe("desk");
    }
  });
});
