import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { HeartbeatReply } from "@hive-registry/contract";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { aHeartbeat, aQueen, type TestQueen } from "../testing/a-queen.ts";

const FLEET = "s3cret";
const HEARTBEAT = "/api/v1/heartbeat";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function aQueenWith(...hives: string[]) {
  const queen = await aQueen({ token: FLEET });
  for (const id of hives) queen.catalog.put(id, { host: "localhost" }, 0);
  const { joinTokens } = queen.queen;
  return { queen, joinTokens, tokens: hives.map((id) => joinTokens.issue(id)) };
}

/** Opens a connection; answers it, or the status with which it was refused. */
async function connect(queen: TestQueen, token: string): Promise<WebSocket | number> {
  if (!queen.app.server.listening) await queen.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = queen.app.server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${HEARTBEAT}?ack=every`, { headers: bearer(token) });
  socket.on("error", () => {});
  onTestFinished(() => socket.terminate());
  return new Promise((resolve) => {
    socket.on("open", () => resolve(socket));
    socket.on("unexpected-response", (_request, { statusCode }) => resolve(statusCode ?? 0));
  });
}

async function opened(queen: TestQueen, token: string): Promise<WebSocket> {
  const socket = await connect(queen, token);
  if (typeof socket === "number") throw new Error(`refused with ${socket}`);
  return socket;
}

async function tell(socket: WebSocket, message: object): Promise<HeartbeatReply> {
  const heard = once(socket, "message");
  socket.send(JSON.stringify(message));
  const [data] = (await heard) as [Buffer];
  return JSON.parse(data.toString()) as HeartbeatReply;
}

describe("a hive with a join token", () => {
  test("posts its own heartbeats, and those of no other hive", async () => {
    const { queen, tokens } = await aQueenWith("desk", "rack");
    const [desk = ""] = tokens;
    expect((await queen.ask("POST", HEARTBEAT, aHeartbeat(), bearer(desk))).status).toBe(200);
    const lie = await queen.ask("POST", HEARTBEAT, aHeartbeat({ hive_id: "rack" }), bearer(desk));
    expect(lie).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
    expect(queen.queen.registry.listAllHives()).toEqual(["desk"]);
  });

  test("gets no further than its heartbeats and whether the queen is well", async () => {
    const { queen, tokens } = await aQueenWith("desk");
    const ask = (method: "GET" | "POST" | "PUT" | "DELETE", path: string) =>
      queen.ask(method, path, undefined, bearer(tokens[0] ?? ""));
    expect((await ask("GET", "/healthz")).status).toBe(200);
    expect((await ask("GET", "/readyz")).status).not.toBe(403);
    for (const [method, path] of [
      ...(
        ["/api/v1/hives", "/api/v1/workers", "/api/v1/catalog/hives", "/api/v1/watch", "/metrics", "/docs"] as const
      ).map((path) => ["GET", path] as const),
      ...(
        ["/api/v1/reserve", "/api/v1/heartbeat/", "/api/v1/heartbeat/x", "//api/v1/heartbeat", "/nowhere"] as const
      ).map((path) => ["POST", path] as const),
      ["PUT", "/api/v1/catalog/hives/desk"],
      ["DELETE", "/api/v1/catalog/hives/desk"],
    ] as const) {
      expect(await ask(method, path), path).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
    }
  });

  test("speaks on a connection for itself alone", async () => {
    const { queen, tokens } = await aQueenWith("desk", "rack");
    const socket = await opened(queen, tokens[0] ?? "");
    const lie = await tell(socket, aHeartbeat({ hive_id: "rack", boot_id: "b", seq: 1 }));
    expect(lie).toMatchObject({ accepted: false, error: { code: "FORBIDDEN" } });
    expect(await tell(socket, aHeartbeat({ boot_id: "b", seq: 2 }))).toMatchObject({ accepted: true });
    expect(await tell(socket, { hive_id: "rack", boot_id: "b", seq: 3 })).toMatchObject({ accepted: false });
    expect(queen.queen.registry.listAllHives()).toEqual(["desk"]);
  });

  test("is cut off when it is revoked, and not let in again; the others stay", async () => {
    const { queen, joinTokens, tokens } = await aQueenWith("desk", "rack");
    const [desk = "", rack = ""] = tokens;
    const [one, other] = [await opened(queen, desk), await opened(queen, rack)];
    await tell(one, aHeartbeat({ boot_id: "b", seq: 1 }));
    const closed = once(one, "close");
    joinTokens.revoke("desk");
    const [code, why] = (await closed) as [number, Buffer];
    expect([code, why.toString()]).toEqual([1008, "the join token was revoked"]);
    expect(await connect(queen, desk)).toBe(401);
    const refused = await queen.ask("POST", HEARTBEAT, aHeartbeat(), bearer(desk));
    expect(refused).toMatchObject({ status: 401, body: { error: { code: "UNAUTHENTICATED" } } });
    expect(await tell(other, aHeartbeat({ hive_id: "rack", boot_id: "b", seq: 1 }))).toMatchObject({ accepted: true });
  });

  test("is cut off when its record is removed", async () => {
    const { queen, tokens } = await aQueenWith("desk");
    const socket = await opened(queen, tokens[0] ?? "");
    const closed = once(socket, "close");
    expect((await queen.ask("DELETE", "/api/v1/catalog/hives/desk", undefined, bearer(FLEET))).status).toBe(204);
    await closed;
    expect(await connect(queen, tokens[0] ?? "")).toBe(401);
  });
});

test("revoking ends no connection that came with the fleet's token", async () => {
  const { queen, joinTokens } = await aQueenWith("desk");
  const socket = await opened(queen, FLEET);
  await tell(socket, aHeartbeat({ boot_id: "b", seq: 1 }));
  joinTokens.revoke("desk");
  expect(await tell(socket, aHeartbeat({ boot_id: "b", seq: 2 }))).toMatchObject({ accepted: true });
});

test.each([
  "",
  "Bearer",
  "Bearer  ",
  "Basic TOKEN",
  "TOKEN",
  "Bearer TOKEN x",
  "Bearer TOKEN,TOKEN",
  "Bearer Bearer TOKEN",
  "Bearer TOKENx",
  `Bearer ${"x".repeat(10_000)}`,
  `Bearer ${" ".repeat(8_000)}`,
  "Bearer \u00e9\u00ff",
])("a heartbeat with %j is refused, and what was sent is not told", async (header) => {
  const { queen, tokens } = await aQueenWith("desk");
  const authorization = header.replaceAll("TOKEN", tokens[0] ?? "");
  const answer = await queen.ask("POST", HEARTBEAT, aHeartbeat(), { authorization });
  expect(answer).toMatchObject({ status: 401, body: { error: { code: "UNAUTHENTICATED" } } });
  expect(JSON.stringify(answer)).not.toContain(tokens[0]);
});
