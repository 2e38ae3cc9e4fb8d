import { describe, expect, test } from "vitest";
import { aGateway } from "./testing/a-gateway.ts";
import { aFakeWorker, aSilentWorker, type Got } from "./testing/fake-worker.ts";

/** Every time limit is minutes: what ends here ends because the client left. */
describe("a client that hangs up", () => {
  test.each([[true], [false]])(
    "while the worker thinks (stream: %s) ends the worker's request at once",
    async (stream) => {
      const worker = await aFakeWorker(() => undefined);
      const gateway = await aGateway();
      gateway.report([{ url: worker.url }]);
      const coming = worker.next();
      const client = new AbortController();
      const asked = gateway.chat({ stream }, { signal: client.signal });
      const { hungUp } = (await coming) as Got;
      expect(gateway.stats()).toMatchObject({ requests: { in_flight: 1 }, reservations: { active: 1 } });
      client.abort();
      await expect(asked).rejects.toThrow();
      await hungUp;
      expect(gateway.stats()).toMatchObject({
        requests: { in_flight: 0, queued: 0, completed_total: 0, failed_total: 0 },
        reservations: { active: 0 },
      });
      // It says nothing about the worker: the next request gets it.
      const again = worker.next();
      const other = new AbortController();
      const second = gateway.chat({}, { signal: other.signal }).catch(() => undefined);
      await again;
      other.abort();
      await second;
    },
  );

  test("in the middle of a stream ends the worker's request at once", async () => {
    const worker = await aFakeWorker(({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    });
    const gateway = await aGateway();
    gateway.report([{ url: worker.url }]);
    const coming = worker.next();
    const reply = await gateway.chat({ stream: true });
    await reply.body?.cancel();
    await ((await coming) as Got).hungUp;
    await expect.poll(() => gateway.stats().requests.in_flight).toBe(0);
  });

  test("while the worker is connected to gives its place back at once", async () => {
    const silent = await aSilentWorker();
    const gateway = await aGateway({ connectMs: 600_000 });
    gateway.report([{ url: silent.url }]);
    const client = new AbortController();
    const asked = gateway.chat({}, { signal: client.signal });
    await expect.poll(() => silent.connected()).toBe(1);
    expect(gateway.stats().reservations.active).toBe(1);
    client.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => gateway.stats().reservations.active).toBe(0);
    expect(gateway.stats().requests).toMatchObject({ in_flight: 0, failed_total: 0 });
  });

  test("in the line leaves it, and nobody works for it", async () => {
    const worker = await aFakeWorker();
    const gateway = await aGateway();
    gateway.report([{ url: worker.url, state: "Busy" }]);
    const client = new AbortController();
    const asked = gateway.chat({}, { signal: client.signal });
    await expect.poll(() => gateway.stats().requests.queued).toBe(1);
    client.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => gateway.stats().requests.queued).toBe(0);
    gateway.report([{ url: worker.url }]);
    expect((await gateway.chat()).status).toBe(200);
    expect(worker.got).toHaveLength(1);
    expect(gateway.running.gateway.stats).toMatchObject({ in_flight: 0, body_bytes: 0 });
  });

  test("while it still sends leaves nothing behind", async () => {
    const gateway = await aGateway();
    const client = new AbortController();
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"model":"m","x":"')),
    });
    const asked = gateway.post("/v1/completions", "", { body, duplex: "half", signal: client.signal } as RequestInit);
    await expect.poll(() => gateway.running.gateway.stats.body_bytes).toBeGreaterThan(0);
    client.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => gateway.running.gateway.stats.body_bytes).toBe(0);
  });
});
