import { type AddressInfo, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { type AGateway, aGateway } from "./testing/a-gateway.ts";
import {
  type Answer,
  aFakeWorker,
  aSilentWorker,
  type FakeWorker,
  type Got,
  refusing,
  saying,
} from "./testing/fake-worker.ts";

/** A port where nobody listens. */
async function nowhere(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const who = async (reply: Response) => [reply.status, reply.headers.get("x-hive-worker"), await reply.text()] as const;

/** Workers in the order in which they are chosen. */
function report(gateway: AGateway, ...workers: readonly (FakeWorker | string)[]): void {
  gateway.report(
    workers.map((worker, at) => ({ url: typeof worker === "string" ? worker : worker.url, gpu_percent: 20 * at })),
  );
}

describe("before the first byte a worker is replaced by another that", () => {
  const FAULTS: Readonly<Record<string, Answer>> = {
    "answers 502": refusing(502, "bad gateway"),
    "answers 503 fast": refusing(503, { error: "busy" }),
    "answers 504": refusing(504, ""),
    "closes the connection": ({ response }) => response.socket?.resetAndDestroy(),
    "sends its head and dies": ({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      response.socket?.destroySoon();
    },
    "sends a refusal's head and dies": ({ response }) => {
      response.writeHead(503, { "content-length": "100" });
      response.flushHeaders();
      response.socket?.destroySoon();
    },
    "asks for another key": refusing(401, { error: "Unauthorized" }),
  };

  test.each(Object.entries(FAULTS))("%s, and is asked no more for now", async (_fault, answer) => {
    const bad = await aFakeWorker(answer);
    const good = await aFakeWorker(saying("good"));
    const gateway = await aGateway();
    report(gateway, bad, good);
    for (let request = 0; request < 5; request++) {
      expect(await who(await gateway.chat({ stream: true }))).toMatchObject([
        200,
        "w1",
        expect.stringContaining("good"),
      ]);
    }
    expect(bad.got).toHaveLength(1);
    expect(gateway.running.gateway.stats).toMatchObject({ failovers_total: 1, failed_tries_total: 1, in_flight: 0 });
    expect(gateway.stats()).toMatchObject({
      reservations: { active: 0 },
      requests: { completed_total: 5, failed_total: 1 },
    });
  });

  test("cannot be reached", async () => {
    const good = await aFakeWorker(saying("good"));
    const gateway = await aGateway();
    report(gateway, await nowhere(), good);
    expect(await who(await gateway.chat())).toMatchObject([200, "w1", expect.any(String)]);
  });

  test("takes too long to be connected to", async () => {
    const silent = await aSilentWorker();
    const good = await aFakeWorker(saying("good"));
    const gateway = await aGateway({ connectMs: 300 });
    report(gateway, silent.url, good);
    expect(await who(await gateway.chat())).toMatchObject([200, "w1", expect.any(String)]);
    expect(silent.connected()).toBe(1);
  });

  test("has a URL that is none", async () => {
    const good = await aFakeWorker(saying("good"));
    const gateway = await aGateway();
    report(gateway, "ftp://127.0.0.1/", good);
    expect(await who(await gateway.chat())).toMatchObject([200, "w1", expect.any(String)]);
  });

  test.each([404, 405, 429, 501])(
    "answers %i: it may be known elsewhere, and the worker is not put aside",
    async (status) => {
      const other = await aFakeWorker(refusing(status, { error: "not here" }));
      const good = await aFakeWorker(saying("good"));
      const gateway = await aGateway();
      report(gateway, other, good);
      for (let request = 0; request < 2; request++) expect((await gateway.chat()).status).toBe(200);
      expect(other.got).toHaveLength(2);
      expect(gateway.stats()).toMatchObject({ requests: { failed_total: 0 } });
    },
  );

  test("lets everything wait, once it has waited long enough", async () => {
    const hanging = await aFakeWorker(() => undefined);
    const good = await aFakeWorker(saying("good"));
    const gateway = await aGateway({ firstByteMs: 200 });
    report(gateway, hanging, good);
    const coming = hanging.next();
    expect(await who(await gateway.chat())).toMatchObject([200, "w1", expect.any(String)]);
    await ((await coming) as Got).hungUp;
  });

  test("stands on a machine that fell silent, though its connection does not tell", async () => {
    const hanging = await aFakeWorker(() => undefined);
    const good = await aFakeWorker(saying("good"));
    const gateway = await aGateway();
    gateway.report([{ url: hanging.url, gpu_percent: 0 }], "gone");
    gateway.report([{ url: good.url, gpu_percent: 50 }], "desk");
    const coming = hanging.next();
    const asked = gateway.chat();
    await coming;
    gateway.running.queen.removeHive("gone");
    const reply = await asked;
    expect([reply.status, reply.headers.get("x-hive-id")]).toEqual([200, "desk"]);
  });
});

describe("another worker", () => {
  test("may be a namesake on another hive", async () => {
    const bad = await aFakeWorker(refusing(503, ""));
    const good = await aFakeWorker(saying("good"));
    const gateway = await aGateway();
    gateway.report([{ worker_id: "demo", url: bad.url, gpu_percent: 0 }], "desk");
    gateway.report([{ worker_id: "demo", url: good.url, gpu_percent: 50 }], "rack");
    const reply = await gateway.chat();
    expect([reply.status, reply.headers.get("x-hive-id")]).toEqual([200, "rack"]);
  });

  test("is waited for when it is busy", async () => {
    const bad = await aFakeWorker(refusing(503, ""));
    const good = await aFakeWorker(saying("good"));
    const gateway = await aGateway();
    const tell = (state: "Busy" | "Idle") =>
      gateway.report([
        { url: bad.url, gpu_percent: 0 },
        { url: good.url, state, gpu_percent: 50 },
      ]);
    tell("Busy");
    const asked = gateway.chat();
    await expect.poll(() => gateway.stats().requests.queued).toBe(1);
    tell("Idle");
    expect(await who(await asked)).toMatchObject([200, "w1", expect.any(String)]);
    expect(bad.got).toHaveLength(1);
  });

  test("is looked for so many times only, and never the same again", async () => {
    const workers = await Promise.all([1, 2, 3, 4].map((at) => aFakeWorker(refusing(503, { error: `busy ${at}` }))));
    const gateway = await aGateway({ triesMax: 3 });
    report(gateway, ...workers);
    const reply = await gateway.chat();
    expect([reply.status, await reply.json()]).toMatchObject([503, { error: { message: "busy 3" } }]);
    expect(reply.headers.get("x-should-retry")).toBe("false");
    expect(workers.map(({ got }) => got.length)).toEqual([1, 1, 1, 0]);
    expect(gateway.stats()).toMatchObject({ requests: { in_flight: 0 }, reservations: { active: 0 } });
  });

  test("is not there: the worker's own words are told, and that asking again at once is no use", async () => {
    const only = await aFakeWorker(
      refusing(503, { error: { message: "Loading model", code: 503 } }, { "retry-after": "9" }),
    );
    const gateway = await aGateway();
    report(gateway, only);
    const reply = await gateway.chat();
    expect([reply.status, reply.headers.get("retry-after"), reply.headers.get("x-should-retry")]).toEqual([
      503,
      "9",
      "false",
    ]);
    expect(await reply.json()).toEqual({ error: { message: "Loading model", code: 503 } });
    expect(only.got).toHaveLength(1);
  });

  test("is not there, and the only one cannot be reached", async () => {
    const gateway = await aGateway();
    report(gateway, await nowhere());
    const reply = await gateway.chat();
    expect([reply.status, await reply.json()]).toMatchObject([502, { error: { code: "worker_unreachable" } }]);
    expect(reply.headers.get("x-should-retry")).toBe("false");
  });

  test("is asked after any 5xx where that is wished, and otherwise the 500 goes on to the client", async () => {
    const bad = await aFakeWorker(refusing(500, { error: "out of memory" }));
    const good = await aFakeWorker(saying("good"));
    const wished = await aGateway({ failover5xx: true });
    report(wished, bad, good);
    expect((await wished.chat()).status).toBe(200);
    const plain = await aGateway();
    report(plain, bad, good);
    const reply = await plain.chat();
    expect([reply.status, await reply.json()]).toMatchObject([500, { error: { message: "out of memory" } }]);
  });
});

describe("a worker's refusal", () => {
  test.each([400, 403, 413, 422])("with %i is the client's to hear: nobody else is asked", async (status) => {
    const picky = await aFakeWorker(refusing(status, { detail: [{ loc: ["body", "n"], msg: "too many" }] }));
    const other = await aFakeWorker();
    const gateway = await aGateway();
    report(gateway, picky, other);
    const reply = await gateway.chat();
    expect([reply.status, await reply.json()]).toMatchObject([status, { error: { message: "n: too many" } }]);
    expect(reply.headers.get("content-type")).toContain("application/json");
    expect(other.got).toHaveLength(0);
  });

  test("that has no end is read to a bound", async () => {
    const endless = await aFakeWorker(({ response }) => {
      response.writeHead(400, { "content-type": "text/plain" });
      const pour = (): void => {
        while (!response.destroyed && response.write("x".repeat(10_000)));
      };
      response.on("drain", pour);
      pour();
    });
    const gateway = await aGateway();
    report(gateway, endless);
    const coming = endless.next();
    expect((await gateway.chat()).status).toBe(400);
    await ((await coming) as Got).hungUp;
  });
});

test("a connection that the worker had closed meanwhile is not the worker's failure", async () => {
  // Each connection serves one request and is then closed without a word, as after a restart.
  const worker = await aFakeWorker(({ response }) => {
    response.setHeader("content-type", "application/json");
    const { socket } = response;
    response.end("{}");
    socket?.once("data", () => socket.resetAndDestroy());
  });
  const gateway = await aGateway();
  report(gateway, worker);
  for (let request = 0; request < 10; request++) expect((await gateway.chat()).status).toBe(200);
  expect(gateway.running.gateway.stats.failed_tries_total).toBe(0);
});

test("a draining worker finishes what it has and gets nothing new", async () => {
  const draining = await aFakeWorker(({ response }) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  });
  const other = await aFakeWorker(saying("other"));
  const gateway = await aGateway();
  report(gateway, draining, other);
  const coming = draining.next();
  const first = await gateway.chat({ stream: true });
  gateway.report([
    { url: draining.url, gpu_percent: 0, draining: true },
    { url: other.url, gpu_percent: 50 },
  ]);
  expect((await gateway.chat()).headers.get("x-hive-worker")).toBe("w1");
  ((await coming) as Got).response.end("data: [DONE]\n\n");
  expect(await first.text()).toBe("data: 1\n\ndata: [DONE]\n\n");
});

test("kill -9 of a worker under load costs no client an error, and it is sent nothing new", async () => {
  const doomed = await aFakeWorker(() => undefined);
  const held: Got[] = [];
  let isHolding = true;
  const good = await aFakeWorker((got) => {
    if (isHolding) held.push(got);
    else saying("good")(got);
  });
  const gateway = await aGateway();
  gateway.report([
    { url: doomed.url, slots_total: 16 },
    { url: good.url, slots_total: 16 },
  ]);
  const asked = Array.from({ length: 24 }, () => gateway.chat());
  await expect.poll(() => doomed.got.length + held.length).toBe(24);
  expect(doomed.got.length).toBeGreaterThan(8);
  await doomed.kill();
  // Some find room at once, the others wait for it.
  await expect.poll(() => held.length + gateway.stats().requests.queued).toBe(24);
  isHolding = false;
  for (const got of held) saying("good")(got);
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(24).fill(200));
  expect(gateway.stats()).toMatchObject({ requests: { in_flight: 0, queued: 0 }, reservations: { active: 0 } });
});
