import { describe, expect, test } from "vitest";
import { aGateway } from "./testing/a-gateway.ts";
import { aFakeWorker, saying } from "./testing/fake-worker.ts";

describe("a chat request", () => {
  test("goes to a worker of the model, and its bytes come back unchanged", async () => {
    const worker = await aFakeWorker(saying("hello"));
    const gateway = await aGateway();
    gateway.report([{ url: worker.url }]);
    const body = '{ "model":"m",\n"messages":[{"role":"user","content":"\\u00fcber"}], "x": 1e2 }';
    const reply = await gateway.post("/v1/chat/completions?a=b", body);
    expect(reply.status).toBe(200);
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      "x-hive-worker": "w0",
      "x-hive-id": "desk",
      "x-hive-queue-ms": "0",
      "content-type": "application/json",
    });
    expect(await reply.json()).toEqual({ choices: [{ message: { role: "assistant", content: "hello" } }] });
    expect(worker.got).toMatchObject([{ path: "/v1/chat/completions?a=b", body }]);
    expect(gateway.stats()).toMatchObject({
      requests: { in_flight: 0, queued: 0, completed_total: 1, failed_total: 0 },
      reservations: { active: 0 },
    });
  });
});
