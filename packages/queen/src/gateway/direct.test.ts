import { describe, expect, test } from "vitest";
import { aGateway } from "./testing/a-gateway.ts";
import { aFakeWorker, saying } from "./testing/fake-worker.ts";

describe("x-hive-direct: redirect", () => {
  test("sends the client to the worker itself; any client of HTTP follows with its body", async () => {
    const worker = await aFakeWorker(saying("straight"));
    const gateway = await aGateway();
    gateway.report([{ url: worker.url }]);
    const reply = await gateway.chat({ n: 1 }, { headers: { "x-hive-direct": "redirect" } });
    expect(reply.redirected).toBe(true);
    expect(reply.url).toMatch(`${worker.url}/v1/chat/completions?hive_handover=`);
    expect(await reply.text()).toContain("straight");
    expect(JSON.parse(worker.got[0]?.body ?? "")).toMatchObject({ model: "m", n: 1 });
  });

  test("holds the place until the worker can have told of the request, and names the reservation", async () => {
    const gateway = await aGateway({ queueWaitMs: 0 });
    gateway.report([{ url: "http://127.0.0.1:9/base/v1", slots_total: 1 }]);
    const ask = () =>
      gateway.post(
        "/v1/completions?x=1",
        { model: "m" },
        { headers: { "x-hive-direct": "redirect" }, redirect: "manual" },
      );
    const reply = await ask();
    const id = reply.headers.get("x-hive-reservation");
    const there = `http://127.0.0.1:9/base/v1/completions?x=1&hive_handover=${id}`;
    expect([reply.status, reply.headers.get("location")]).toEqual([307, there]);
    expect(gateway.stats().reservations.active).toBe(1);
    expect((await ask()).status).toBe(503);
    await fetch(`${gateway.url}/api/v1/reservations/${id}`, { method: "DELETE" });
    expect((await ask()).status).toBe(307);
  });

  test("is not for a worker that knows the model by another name: then the bytes pass the queen", async () => {
    const worker = await aFakeWorker(saying("through"));
    const gateway = await aGateway();
    gateway.report([{ url: worker.url, model_id: "llama3:latest" }]);
    const reply = await gateway.chat({ model: "llama3" }, { headers: { "x-hive-direct": "redirect" } });
    expect([reply.status, reply.redirected]).toEqual([200, false]);
    expect(worker.got[0]?.body).toContain('"llama3:latest"');
  });

  test("waits like any other, and is refused like any other", async () => {
    const gateway = await aGateway({ queueWaitMs: 50 });
    gateway.report([{ state: "Busy" }]);
    expect((await gateway.chat({}, { headers: { "x-hive-direct": "redirect" } })).status).toBe(503);
  });
});

describe("x-hive-direct: x-accel", () => {
  test("tells the proxy before the queen where the worker is, with the key it wants, and nothing else", async () => {
    const gateway = await aGateway({}, { token: "s3cret" });
    gateway.report([{ url: "http://127.0.0.1:9300/base", engine: "llama-cpp" }]);
    const headers = { "x-hive-direct": "x-accel", authorization: "Bearer s3cret" };
    const reply = await gateway.post("/v1/completions?x=1", { model: "m" }, { headers });
    expect([reply.status, await reply.text()]).toEqual([200, ""]);
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      "x-accel-redirect": "/_hive_worker/http/127.0.0.1:9300/base/v1/completions?x=1",
      "x-hive-authorization": "Bearer s3cret",
      ...{ "x-hive-worker": "w0", "x-hive-id": "desk", "x-hive-reservation": expect.any(String) },
    });
  });

  test("can come back when that worker failed: it is put aside and another one found", async () => {
    const other = await aFakeWorker(saying("other"));
    const gateway = await aGateway();
    gateway.report([
      { url: "http://127.0.0.1:9", gpu_percent: 0 },
      { url: other.url, gpu_percent: 50 },
    ]);
    const first = await gateway.chat({}, { headers: { "x-hive-direct": "x-accel" } });
    expect(first.headers.get("x-hive-worker")).toBe("w0");
    const failed = first.headers.get("x-hive-reservation") as string;
    const again = await gateway.chat({}, { headers: { "x-hive-failed": failed } });
    expect([again.status, again.headers.get("x-hive-worker")]).toEqual([200, "w1"]);
    expect(gateway.stats()).toMatchObject({ reservations: { active: 0 }, requests: { failed_total: 1 } });
  });
});
