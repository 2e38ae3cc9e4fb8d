import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { HeartbeatReply } from "@hive-registry/contract";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { aHeartbeat, aQueen, aWorker, type TestQueen } from "../testing/a-queen.ts";

/** A hive's side of a connection: sends, and reads the answers one by one. */
async function aHiveOf(queen: TestQueen, path = "/api/v1/heartbeat", headers: Record<string, string> = {}) {
  if (!queen.app.server.listening) await queen.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = queen.app.server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  const answers: HeartbeatReply[] = [];
  socket.on("message", (data) => answers.push(JSON.parse(data.toString()) as HeartbeatReply));
  socket.on("error", () => {});
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  return {
    socket,
    answers,
    send: (message: unknown) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    /** Waits until everything that was sent is handled; gives back what was answered since the last time. */
    async settled() {
      const pong = once(socket, "pong");
      socket.ping();
      await pong;
      return answers.splice(0);
    },
  };
}

describe("heartbeats on a connection", () => {
  test("the first is answered, the next ones not, refusals always", async () => {
    const queen = await aQueen();
    const hive = await aHiveOf(queen);
    for (const seq of [1, 2, 3, 3, 4]) hive.send(aHeartbeat({ boot_id: "b", seq }));
    expect(await hive.settled()).toEqual([
      { accepted: true, next_heartbeat_ms: 5_000 },
      { accepted: false, next_heartbeat_ms: 5_000, reason: "stale" },
    ]);
    expect(await queen.hive("desk")).toMatchObject({ seq: 4, status: "alive" });
  });

  test("with ack=every each one is answered", async () => {
    const queen = await aQueen();
    const hive = await aHiveOf(queen, "/api/v1/heartbeat?ack=every");
    for (const seq of [1, 2, 3]) hive.send(aHeartbeat({ boot_id: "b", seq }));
    expect((await hive.settled()).map(({ accepted }) => accepted)).toEqual([true, true, true]);
  });

  test("a changed interval is told with the next heartbeat", async () => {
    const queen = await aQueen({ pace: { intervalMs: 1_000, maxHeartbeatsPerSecond: 1 } });
    const hive = await aHiveOf(queen);
    hive.send(aHeartbeat({ boot_id: "b", seq: 1 }));
    await hive.settled();
    await queen.heartbeat(aHeartbeat({ hive_id: "rack" }));
    hive.send(aHeartbeat({ boot_id: "b", seq: 2 }));
    hive.send(aHeartbeat({ boot_id: "b", seq: 3 }));
    expect(await hive.settled()).toEqual([{ accepted: true, next_heartbeat_ms: 2_000 }]);
  });

  test("a lease keeps the hive alive; one that nobody knows is asked for the whole list", async () => {
    const queen = await aQueen();
    const hive = await aHiveOf(queen, "/api/v1/heartbeat?ack=every");
    hive.send({ hive_id: "desk", boot_id: "b", seq: 1 });
    hive.send(aHeartbeat({ boot_id: "b", seq: 2 }));
    expect(await hive.settled()).toMatchObject([{ accepted: false, reason: "unknown" }, { accepted: true }]);
    queen.clock.advance(20_000);
    hive.send({ hive_id: "desk", boot_id: "b", seq: 3 });
    expect(await hive.settled()).toMatchObject([{ accepted: true }]);
    expect(await queen.hive("desk")).toMatchObject({ status: "alive", worker_count: 1 });
  });

  test("closing makes the hive suspect at once; a newer connection of the same hive does not suffer from it", async () => {
    const queen = await aQueen();
    const first = await aHiveOf(queen);
    first.send(aHeartbeat({ boot_id: "b", seq: 1, workers: [aWorker({ model_id: "m" })] }));
    await first.settled();
    const second = await aHiveOf(queen);
    second.send(aHeartbeat({ boot_id: "b", seq: 2, workers: [aWorker({ model_id: "m" })] }));
    await second.settled();
    first.socket.close();
    await once(first.socket, "close");
    expect(await queen.route("m")).toMatchObject({ hive_id: "desk" });

    const suspected = new Promise<void>((resolve) => {
      queen.queen.registry.subscribe(({ type }) => type === "hive.suspect" && resolve());
    });
    second.socket.close();
    await suspected;
    expect(await queen.route("m")).toMatchObject({ error: { code: "NO_WORKER" } });
    expect(await queen.hive("desk")).toMatchObject({ status: "suspect", online: true });
  });

  test("a fault is answered with its code, and the connection goes on", async () => {
    const queen = await aQueen();
    const hive = await aHiveOf(queen);
    hive.send("{");
    hive.send("[1]");
    hive.send({ ...aHeartbeat(), workers: [{ ...aWorker(), gpu_percent: "hot" }] });
    hive.send({ ...aHeartbeat(), workers: [aWorker(), aWorker()] });
    hive.send(aHeartbeat());
    hive.send(aHeartbeat({ hive_id: "rack" }));
    const answers = await hive.settled();
    expect(answers.map(({ accepted, reason, error }) => [accepted, reason, error?.code])).toEqual([
      [false, "invalid", "INVALID_JSON"],
      [false, "invalid", "INVALID_REQUEST"],
      [false, "invalid", "INVALID_REQUEST"],
      [false, "invalid", "INVALID_REQUEST"],
      [true, undefined, undefined],
      [false, "invalid", "HIVE_ID_MISMATCH"],
    ]);
    expect(answers[2]?.error?.details).toEqual([{ path: "/workers/0/gpu_percent", message: "must be number" }]);
    expect(queen.queen.registry.listAllHives()).toEqual(["desk"]);
  });

  test("who sends nothing but faults is cut off, and so is who sends too much at once", async () => {
    const queen = await aQueen();
    const babbler = await aHiveOf(queen);
    const closed = once(babbler.socket, "close");
    for (let at = 0; at < 20; at++) babbler.send("{");
    expect((await closed)[0]).toBe(1008);
    const giant = await aHiveOf(queen);
    const cut = once(giant.socket, "close");
    giant.send("x".repeat(1_048_577));
    expect((await cut)[0]).toBe(1009);
  });

  test("a page of another site cannot open one, and neither can who lacks the token", async () => {
    const open = await aQueen();
    await expect(aHiveOf(open, undefined, { origin: "https://evil.example" })).rejects.toThrow("403");
    const guarded = await aQueen({ token: "secret" });
    await expect(aHiveOf(guarded)).rejects.toThrow("401");
    const hive = await aHiveOf(guarded, undefined, { authorization: "Bearer secret" });
    hive.send(aHeartbeat());
    expect(await hive.settled()).toMatchObject([{ accepted: true }]);
  });
});
