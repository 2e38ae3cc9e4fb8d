import type { ServerResponse } from "node:http";
import type { RegistryEvent, RegistrySnapshot } from "hive-registry";
import { describe, expect, test } from "vitest";
import { follow } from "./follow.ts";
import { HiveClient } from "./queen-client.ts";
import { aClosedPort, aServer, openStream, sendJson, until } from "./testing/server.ts";

const backoff = { firstMs: 1, maxMs: 5 };

const snapshot = (revision: number): RegistrySnapshot => ({ type: "snapshot", revision, at_ms: 0, hives: [] });
const change = (revision: number): RegistryEvent => ({ type: "hive.removed", revision, at_ms: 0, hive_id: "h" });

function send(response: ServerResponse, what: RegistrySnapshot | RegistryEvent, epoch = "e1"): void {
  const event = what.type === "snapshot" ? "snapshot" : "change";
  response.write(`id: ${epoch}-${what.revision}\nevent: ${event}\ndata: ${JSON.stringify(what)}\n\n`);
}

/** A queen whose nth watch stream is told by the nth script; the last one is kept for all that follow. */
async function aQueen(...scripts: ((response: ServerResponse) => void)[]) {
  let opened = 0;
  const asked: (string | undefined)[] = [];
  const server = await aServer((request, response) => {
    asked.push(request.headers["last-event-id"] as string | undefined);
    const script = scripts[Math.min(opened++, scripts.length - 1)];
    openStream(response);
    script?.(response);
  });
  return { ...server, asked, client: new HiveClient({ baseUrl: server.url }) };
}

async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

describe("watch", () => {
  test("yields the snapshot and then every change, and ends quietly when aborted", async () => {
    const queen = await aQueen((response) => {
      send(response, snapshot(4));
      response.write(": keep-alive\n\n");
      send(response, change(5));
    });
    const aborting = new AbortController();
    const revisions: number[] = [];
    for await (const item of queen.client.watch({ model: "m" }, { signal: aborting.signal })) {
      revisions.push(item.revision);
      if (item.revision === 5) aborting.abort();
    }
    expect(revisions).toEqual([4, 5]);
    expect(queen.seen).toEqual(["GET /api/v1/watch?model=m"]);
  });

  test("a lost connection is taken up again after the last change that was read", async () => {
    const queen = await aQueen(
      (response) => {
        send(response, snapshot(1));
        send(response, change(2));
        response.write("id: e1-3\nevent: change\ndata: {half", () => response.socket?.resetAndDestroy());
      },
      (response) => send(response, change(3)),
    );
    const items = await take(queen.client.watch({}, { backoff }), 3);
    expect(items.map((item) => item.revision)).toEqual([1, 2, 3]);
    expect(queen.asked).toEqual([undefined, "e1-2"]);
  });

  test("being cut off as too slow leads to another stream, and the reason is told", async () => {
    const told: unknown[] = [];
    const queen = await aQueen(
      (response) => {
        send(response, snapshot(1));
        response.end('event: error\ndata: {"error":{"code":"WATCH_TOO_SLOW","message":"too slow"}}\n\n');
      },
      (response) => send(response, snapshot(9)),
    );
    const items = await take(queen.client.watch({}, { backoff, onRetry: ({ error }) => told.push(error) }), 2);
    expect(items.map((item) => item.revision)).toEqual([1, 9]);
    expect(told).toMatchObject([{ code: "WATCH_TOO_SLOW" }]);
  });

  test("a stream without even a keep-alive counts as dead and is opened anew", async () => {
    const queen = await aQueen((response) => send(response, snapshot(1)));
    const items = await take(queen.client.watch({}, { backoff, idleMs: 40 }), 2);
    expect(items).toHaveLength(2);
  });

  test("a queen that is not there yet is awaited", async () => {
    const port = await aClosedPort();
    const client = new HiveClient({ baseUrl: `http://127.0.0.1:${port}` });
    let failures = 0;
    const watching = take(client.watch({}, { backoff, onRetry: () => failures++ }), 1);
    await until("it was refused once", () => failures > 0);
    await aServer(
      (_, response) => {
        openStream(response);
        send(response, snapshot(1));
      },
      { port },
    );
    expect(await watching).toEqual([snapshot(1)]);
  });

  test("what trying again does not heal is thrown", async () => {
    const closed = await aServer((_, response) =>
      sendJson(response, { error: { code: "UNAUTHENTICATED", message: "no" } }, 401),
    );
    await expect(take(new HiveClient({ baseUrl: closed.url }).watch(), 1)).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
    });
    const other = await aServer((_, response) => void response.end("hello"));
    await expect(take(new HiveClient({ baseUrl: other.url }).watch(), 1)).rejects.toMatchObject({ code: "BAD_REPLY" });
  });

  test("an abort during the wait between two tries ends it at once", async () => {
    const client = new HiveClient({ baseUrl: `http://127.0.0.1:${await aClosedPort()}` });
    const aborting = new AbortController();
    const slow = { firstMs: 600_000, maxMs: 600_000 };
    const watching = take(
      client.watch({}, { backoff: slow, signal: aborting.signal, onRetry: () => aborting.abort() }),
      1,
    );
    expect(await watching).toEqual([]);
  });
});

/** Takes changes without gaps, as the registry does. */
class StrictReplica {
  revision = -1;
  readonly snapshots: number[] = [];

  apply(item: RegistrySnapshot | RegistryEvent): void {
    if (item.type === "snapshot") this.snapshots.push(item.revision);
    else if (item.revision <= this.revision) return;
    else if (item.revision !== this.revision + 1) throw Object.assign(new Error("gap"), { code: "REVISION_GAP" });
    this.revision = item.revision;
  }
}

describe("follow", () => {
  test("a replica follows, and a gap in the revisions brings a new snapshot", async () => {
    const queen = await aQueen(
      (response) => {
        send(response, snapshot(1));
        send(response, change(2));
        send(response, change(4));
      },
      (response) => {
        send(response, snapshot(7));
        send(response, change(8));
      },
    );
    const registry = new StrictReplica();
    const following = follow({ client: queen.client, registry }, { backoff });
    await following.ready;
    await until("the replica stands at 8", () => registry.revision === 8);
    expect(registry.snapshots).toEqual([1, 7]);
    expect(queen.asked).toEqual([undefined, undefined]);
    await following.stop();
    await following.ended;
  });

  test("stopping closes the stream", async () => {
    let closed = false;
    const queen = await aQueen((response) => {
      response.on("close", () => (closed = true));
      send(response, snapshot(1));
    });
    const following = follow({ client: queen.client, registry: new StrictReplica() });
    await following.ready;
    await following.stop();
    await until("the stream closed", () => closed);
  });

  test("a wrong token is told through ready and ended, not tried for ever", async () => {
    const closed = await aServer((_, response) =>
      sendJson(response, { error: { code: "UNAUTHENTICATED", message: "no" } }, 401),
    );
    const following = follow({ client: new HiveClient({ baseUrl: closed.url }), registry: new StrictReplica() });
    await expect(following.ready).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(following.ended).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  test("stopped before the first snapshot, ready says so", async () => {
    const client = new HiveClient({ baseUrl: `http://127.0.0.1:${await aClosedPort()}` });
    const following = follow({ client, registry: new StrictReplica() });
    await following.stop();
    await expect(following.ready).rejects.toThrow("stopped before");
  });
});
