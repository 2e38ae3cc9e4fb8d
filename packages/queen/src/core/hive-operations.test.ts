import type { Operation, OperationStarted } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { aHeartbeat, aQueen, type TestQueen } from "../testing/a-queen.ts";
import type { LocalHives } from "./local-hives.ts";
import { isThisMachine } from "./local-hives.ts";

/** Hives that start and stop as a story says. */
class FakeHives implements LocalHives {
  readonly running: Set<string> = new Set();
  readonly calls: string[] = [];

  async start(hiveId: string, port: number) {
    this.calls.push(`start ${hiveId}`);
    const already_running = this.running.has(hiveId);
    this.running.add(hiveId);
    const bound = port === 0 ? 41_000 : port;
    return { hive_url: `http://127.0.0.1:${bound}`, port: bound, already_running };
  }

  async stop(hiveId: string) {
    this.calls.push(`stop ${hiveId}`);
    return this.running.delete(hiveId);
  }

  isRunning(hiveId: string) {
    return this.running.has(hiveId);
  }

  log(hiveId: string) {
    return `${hiveId}: cannot find my queen`;
  }
}

async function aQueenWithHives() {
  const local = new FakeHives();
  const queen = await aQueen({ local });
  return { queen, local };
}

const post = async (queen: TestQueen, action: string, body?: unknown) => {
  const answer = await queen.ask("POST", `/api/v1/catalog/hives/desk/${action}`, body);
  return { ...answer, body: answer.body as OperationStarted };
};

/** The operation, once everything that does not wait for time or heartbeats is done. */
async function operationOf(queen: TestQueen, started: OperationStarted): Promise<Operation> {
  await new Promise((resolve) => setImmediate(resolve));
  return (await queen.ask("GET", `/api/v1/operations/${started.operation_id}`)).body as Operation;
}

describe("starting a hive", () => {
  test("answers at once, with the record written first; the first heartbeat ends the operation", async () => {
    const { queen } = await aQueenWithHives();
    const { status, body } = await post(queen, "start");
    expect(status).toBe(202);
    expect(body).toMatchObject({ hive_id: "desk", hive_url: "http://127.0.0.1:7835", port: 7_835 });
    expect(queen.catalog.find("desk")).toMatchObject({ host: "127.0.0.1", port: 7_835, status: "unknown" });
    expect(await operationOf(queen, body)).toMatchObject({
      kind: "start",
      state: "running",
      steps: [{ state: "succeeded" }, { name: "wait for its first heartbeat", state: "running" }],
    });

    await queen.heartbeat(aHeartbeat({ hive_id: "rack" }));
    expect(await operationOf(queen, body)).toMatchObject({ state: "running" });
    await queen.heartbeat(aHeartbeat());
    expect(await operationOf(queen, body)).toMatchObject({ state: "succeeded", ended_at_ms: queen.clock.nowMs() });
    queen.clock.advance(1_000);
    expect(queen.catalog.find("desk")).toMatchObject({ status: "online" });
  });

  test("on any free port keeps the port in the record, and labels stay", async () => {
    const { queen } = await aQueenWithHives();
    const { body } = await post(queen, "start", { port: 0 });
    expect(body.port).toBe(41_000);
    expect(queen.catalog.find("desk")).toMatchObject({ port: 41_000 });
  });

  test("a heartbeat from before the start does not count", async () => {
    const { queen } = await aQueenWithHives();
    await queen.heartbeat(aHeartbeat());
    queen.clock.advance(10_000);
    const { body } = await post(queen, "start");
    expect(await operationOf(queen, body)).toMatchObject({ state: "running" });
  });

  test("a hive that runs already, and was heard, is done at once", async () => {
    const { queen, local } = await aQueenWithHives();
    local.running.add("desk");
    await queen.heartbeat(aHeartbeat());
    const { body } = await post(queen, "start");
    expect(await operationOf(queen, body)).toMatchObject({
      state: "succeeded",
      steps: [{ output_tail: "it runs already" }, {}],
    });
  });

  test("a hive that ends before it was heard fails with its last words", async () => {
    const { queen, local } = await aQueenWithHives();
    const { body } = await post(queen, "start");
    local.running.delete("desk");
    queen.clock.advance(250);
    expect(await operationOf(queen, body)).toMatchObject({
      state: "failed",
      error: { code: "HIVE_FAILED" },
      steps: [{ state: "succeeded" }, { state: "failed", output_tail: "desk: cannot find my queen" }],
    });
  });

  test("a hive that is not heard within a minute fails, and works all the same when it comes later", async () => {
    const { queen } = await aQueenWithHives();
    const { body } = await post(queen, "start");
    queen.clock.advance(60_000);
    expect(await operationOf(queen, body)).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
    await queen.heartbeat(aHeartbeat());
    queen.clock.advance(1_000);
    expect(queen.catalog.find("desk")).toMatchObject({ status: "online" });
  });

  test("two operations on one hive do not run side by side", async () => {
    const { queen } = await aQueenWithHives();
    const { body } = await post(queen, "start");
    const second = await queen.ask("POST", "/api/v1/catalog/hives/desk/stop");
    expect(second).toMatchObject({
      status: 409,
      body: { error: { code: "ALREADY_RUNNING", details: { operation_id: body.operation_id } } },
    });
  });

  test("a hive on another machine is refused, with what to do", async () => {
    const { queen, local } = await aQueenWithHives();
    await queen.ask("PUT", "/api/v1/catalog/hives/desk", { host: "desk.lan" });
    for (const action of ["start", "stop", "restart"]) {
      const answer = await queen.ask("POST", `/api/v1/catalog/hives/desk/${action}`);
      expect(answer).toMatchObject({ status: 409, body: { error: { code: "NOT_MANAGED" } } });
    }
    expect(local.calls).toEqual([]);
  });
});

test("stopping ends the hive, also one that does not run; an unknown one is a 404", async () => {
  const { queen, local } = await aQueenWithHives();
  expect((await queen.ask("POST", "/api/v1/catalog/hives/desk/stop")).status).toBe(404);
  await queen.ask("PUT", "/api/v1/catalog/hives/desk", { host: "localhost" });
  local.running.add("desk");
  const first = await post(queen, "stop");
  expect(await operationOf(queen, first.body)).toMatchObject({
    kind: "stop",
    state: "succeeded",
    steps: [{ output_tail: "" }],
  });
  const second = await post(queen, "stop");
  expect(await operationOf(queen, second.body)).toMatchObject({ steps: [{ output_tail: "it did not run" }] });
});

test("a restart ends the hive, starts it, and waits for a heartbeat of the new one", async () => {
  const { queen, local } = await aQueenWithHives();
  await queen.ask("PUT", "/api/v1/catalog/hives/desk", { host: "localhost" });
  local.running.add("desk");
  await queen.heartbeat(aHeartbeat());
  queen.clock.advance(1_000);
  const { body } = await post(queen, "restart");
  expect(await operationOf(queen, body)).toMatchObject({ state: "running", steps: [{}, {}, { state: "running" }] });
  await queen.heartbeat(aHeartbeat());
  expect(await operationOf(queen, body)).toMatchObject({ state: "succeeded" });
  expect(local.calls).toEqual(["stop desk", "start desk"]);
});

test("an operation can be followed to its end", async () => {
  const { queen } = await aQueenWithHives();
  const { body } = await post(queen, "start");
  await operationOf(queen, body);
  const following = queen.app.inject({
    method: "GET",
    url: `/api/v1/operations/${body.operation_id}`,
    headers: { host: "localhost", accept: "text/event-stream" },
  });
  await new Promise((resolve) => setImmediate(resolve));
  await queen.heartbeat(aHeartbeat());
  const { payload, headers } = await following;
  expect(headers["content-type"]).toContain("text/event-stream");
  const states = [...payload.matchAll(/^data: (.*)$/gm)].map(
    ([, json]) => (JSON.parse(json as string) as Operation).state,
  );
  expect(states[0]).toBe("running");
  expect(states.at(-1)).toBe("succeeded");
});

test("this machine has several names, another one has others", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1", "my-pc"])
    expect(isThisMachine(host, "my-pc")).toBe(true);
  for (const host of ["other", "10.0.0.1", "127.0.0.1.evil.example"]) expect(isThisMachine(host, "my-pc")).toBe(false);
});
