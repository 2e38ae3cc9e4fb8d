import type { ServerResponse } from "node:http";
import type { Operation } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { FOLLOW_TRIES_MAX } from "./operation-stream.ts";
import { HiveClient } from "./queen-client.ts";
import { aClosedPort, aServer, openStream, sendJson } from "./testing/server.ts";

const backoff = { firstMs: 1, maxMs: 2 };

const anOperation = (state: Operation["state"], steps: readonly string[] = []): Operation => ({
  ...{ operation_id: "op1", kind: "add", hive_id: "attic", state, started_at_ms: 0 },
  steps: steps.map((name) => ({ name, state: "succeeded", started_at_ms: 0, output_tail: "" })),
});

const send = (response: ServerResponse, operation: Operation) =>
  response.write(`event: operation\ndata: ${JSON.stringify(operation)}\n\n`);

/** A queen whose nth stream is told by the nth script; the last one is kept for all that follow. */
async function aQueen(...scripts: ((response: ServerResponse) => void)[]) {
  let opened = 0;
  const server = await aServer((_, response) => {
    const script = scripts[Math.min(opened++, scripts.length - 1)];
    openStream(response);
    script?.(response);
  });
  return { server, client: new HiveClient({ baseUrl: server.url }) };
}

async function states(operations: AsyncIterable<Operation>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { state, steps } of operations) seen.push(`${state} ${steps.map(({ name }) => name).join()}`.trim());
  return seen;
}

describe("following an operation", () => {
  test("each change is told, and the end ends it, also when the queen leaves the stream open", async () => {
    const { client, server } = await aQueen((response) => {
      send(response, anOperation("running"));
      response.write(": keep-alive\n\n");
      send(response, anOperation("running", ["resolve"]));
      send(response, anOperation("succeeded", ["resolve", "connect"]));
    });
    expect(await states(client.followOperation("op1"))).toEqual([
      ...["running", "running resolve", "succeeded resolve,connect"],
    ]);
    expect(server.seen).toEqual(["GET /api/v1/operations/op1"]);
    expect(server.requests[0]?.headers.accept).toBe("text/event-stream");
  });

  test("a stream that breaks is opened anew: the queen restarts, and tells that it was interrupted", async () => {
    const { client } = await aQueen(
      (response) => {
        send(response, anOperation("running", ["resolve"]));
        response.write("event: operation\ndata: {half", () => response.socket?.resetAndDestroy());
      },
      (response) => void response.end(),
      (response) => send(response, anOperation("interrupted", ["resolve"])),
    );
    expect(await states(client.followOperation("op1", { backoff }))).toEqual([
      ...["running resolve", "interrupted resolve"],
    ]);
  });

  test("a stream that falls silent is opened anew", async () => {
    const { client, server } = await aQueen(
      (response) => send(response, anOperation("running")),
      (response) => send(response, anOperation("failed")),
    );
    expect(await states(client.followOperation("op1", { backoff, idleMs: 30 }))).toEqual(["running", "failed"]);
    expect(server.seen).toHaveLength(2);
  });

  test("a queen that does not come back is given up after so many tries", async () => {
    let tries = 0;
    const client = new HiveClient({
      baseUrl: `http://127.0.0.1:${await aClosedPort()}`,
      fetch: (...args) => {
        tries += 1;
        return fetch(...args);
      },
    });
    const following = states(client.followOperation("op1", { backoff }));
    await expect(following).rejects.toMatchObject({ code: "QUEEN_UNREACHABLE" });
    expect(tries).toBe(FOLLOW_TRIES_MAX);
  });

  test("an operation that nobody knows is not asked for again", async () => {
    const server = await aServer((_, response) =>
      sendJson(response, { error: { code: "OPERATION_NOT_FOUND", message: "no" } }, 404),
    );
    const following = states(new HiveClient({ baseUrl: server.url }).followOperation("op1", { backoff }));
    await expect(following).rejects.toMatchObject({ code: "OPERATION_NOT_FOUND" });
    expect(server.seen).toHaveLength(1);
  });

  test("who stops following gets the signal's own reason, also between two tries", async () => {
    const { client } = await aQueen((response) => send(response, anOperation("running")));
    const aborting = new AbortController();
    const operations = client.followOperation("op1", { signal: aborting.signal });
    await operations.next();
    aborting.abort(new Error("enough"));
    await expect(operations.next()).rejects.toThrow("enough");

    const waiting = new AbortController();
    const nobody = new HiveClient({ baseUrl: `http://127.0.0.1:${await aClosedPort()}` });
    const slow = { firstMs: 600_000, maxMs: 600_000 };
    const following = states(nobody.followOperation("op1", { backoff: slow, signal: waiting.signal }));
    const refused = expect(following).rejects.toThrow("enough");
    setImmediate(() => waiting.abort(new Error("enough")));
    await refused;
  });
});
