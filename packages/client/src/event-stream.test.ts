import type { ServerResponse } from "node:http";
import type { FleetEvent } from "@hive-registry/contract";
import { expect, test } from "vitest";
import { HiveClient } from "./queen-client.ts";
import { aServer, openStream, sendJson } from "./testing/server.ts";

const backoff = { firstMs: 1, maxMs: 2 };

const send = (response: ServerResponse, run: string, id: number) =>
  response.write(
    `event: event\nid: ${run}-${id}\ndata: ${JSON.stringify({ id, at_ms: id, type: "hive.seen", level: "info", message: "" })}\n\n`,
  );

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

async function ids(events: AsyncIterable<FleetEvent>, count: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const { id } of events) if (seen.push(id) === count) break;
  return seen;
}

test("events come as they happen; a stream that breaks goes on where it was", async () => {
  const { client, server } = await aQueen(
    (response) => {
      send(response, "a", 1);
      response.write(": keep-alive\n\n");
      send(response, "a", 2);
      response.write("event: event\ndata: {half", () => response.socket?.resetAndDestroy());
    },
    (response) => {
      response.end(`event: error\ndata: ${JSON.stringify({ error: { code: "SHUTTING_DOWN", message: "bye" } })}\n\n`);
    },
    (response) => send(response, "b", 1),
  );
  const retries: unknown[] = [];
  const options = { backoff, onRetry: ({ error }: { readonly error: unknown }) => retries.push(error) };
  expect(await ids(client.followEvents({ type: "hive" }, options), 3)).toEqual([1, 2, 1]);
  expect(server.requests.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "a-2", "a-2"]);
  expect(server.seen[0]).toBe("GET /api/v1/events?type=hive");
  expect(retries).toMatchObject([{}, { code: "SHUTTING_DOWN", message: "bye" }]);
});

test("an abort ends it, and what trying again does not heal is thrown", async () => {
  const ending = new AbortController();
  const { client } = await aQueen((response) => {
    send(response, "a", 1);
  });
  const seen: number[] = [];
  for await (const { id } of client.followEvents({}, { signal: ending.signal })) {
    seen.push(id);
    ending.abort();
  }
  expect(seen).toEqual([1]);
  const refusing = await aServer((_, response) =>
    sendJson(response, { error: { code: "UNAUTHENTICATED", message: "no" } }, 401),
  );
  const follow = new HiveClient({ baseUrl: refusing.url }).followEvents({}, { backoff });
  await expect(ids(follow, 1)).rejects.toMatchObject({ code: "UNAUTHENTICATED", status: 401 });
});
