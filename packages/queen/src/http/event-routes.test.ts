import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { type EventList, FLEET_EVENT_TYPES, type FleetEvent } from "@hive-registry/contract";
import { expect, onTestFinished, test } from "vitest";
import { KEEP_ALIVE_MS } from "../events/event-stream.ts";
import { aHeartbeat, aQueen, type TestQueen } from "../testing/a-queen.ts";

const list = async (queen: TestQueen, query = ""): Promise<EventList> =>
  (await queen.ask("GET", `/api/v1/events${query}`)).body as EventList;

/** Follows events as a client does. */
async function follow(queen: TestQueen, query = "", lastEventId?: string) {
  if (!queen.app.server.listening) await queen.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = queen.app.server.address() as AddressInfo;
  const headers = {
    accept: "text/event-stream",
    ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
  };
  const call = request({ host: "127.0.0.1", port, path: `/api/v1/events${query}`, headers });
  onTestFinished(() => void call.destroy());
  const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
    call.on("response", resolve).on("error", reject).end();
  });
  call.on("error", () => {});
  let text = "";
  let wake = () => {};
  response.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    wake();
  });
  response.on("close", () => wake());
  return {
    response,
    /** All that was said, once it has so many events. */
    async frames(count: number): Promise<{ readonly id: string; readonly event: string; readonly data: FleetEvent }[]> {
      for (;;) {
        const found = [...text.matchAll(/event: (\w+)\n(?:id: (.*)\n)?data: (.*)\n\n/g)];
        if (found.length >= count || response.closed) {
          return found.map(([, event = "", id = "", data = ""]) => ({ event, id, data: JSON.parse(data) }));
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

test("events are listed newest last, filtered, and page by page", async () => {
  const queen = await aQueen();
  for (const hive_id of ["a", "b", "c"]) await queen.heartbeat(aHeartbeat({ hive_id }));
  const { events, run_id, forgotten } = await list(queen);
  expect(events.map(({ type, hive_id }) => hive_id ?? type)).toEqual(["queen.started", "a", "b", "c"]);
  expect({ run_id, forgotten }).toEqual({ run_id: queen.queen.events.runId, forgotten: 0 });
  const seen = await list(queen, "?type=hive.seen&limit=2");
  expect(seen.events.map(({ hive_id }) => hive_id)).toEqual(["b", "c"]);
  expect((await list(queen, `?after=${events[1]?.id}&hive_id=c`)).events).toHaveLength(1);
  expect((await list(queen, "?level=error")).events).toEqual([]);
  for (const wrong of ["?limit=0", "?limit=1001", "?level=loud", "?type=hive..x", "?after=-1"]) {
    expect((await queen.ask("GET", `/api/v1/events${wrong}`)).body, wrong).toMatchObject({
      error: { code: "INVALID_REQUEST" },
    });
  }
});

test("who follows gets the newest, then each as it happens, and goes on where it was", async () => {
  const queen = await aQueen();
  const first = await follow(queen, "?type=hive.seen&limit=1");
  expect(first.response.headers["content-type"]).toContain("text/event-stream");
  for (const hive_id of ["a", "b"]) await queen.heartbeat(aHeartbeat({ hive_id }));
  const frames = await first.frames(2);
  expect(frames.map(({ event, data }) => `${event} ${data.hive_id}`)).toEqual(["event a", "event b"]);
  expect(frames[0]?.id).toBe(`${queen.queen.events.runId}-${frames[0]?.data.id}`);

  const again = await follow(queen, "?type=hive.seen", frames[0]?.id);
  expect((await again.frames(1)).map(({ data }) => data.hive_id)).toEqual(["b"]);
  const ofAnotherRun = await follow(queen, "?type=hive.seen", "0123456789ab-7");
  expect((await ofAnotherRun.frames(2)).map(({ data }) => data.hive_id)).toEqual(["a", "b"]);
});

test("a quiet stream is kept alive, and is told when the queen stops", async () => {
  const queen = await aQueen();
  const stream = await follow(queen, "?level=error");
  let text = "";
  const kept = new Promise<void>((resolve) => {
    stream.response.on("data", (piece: string) => {
      text += piece;
      if (text.includes(": keep-alive")) resolve();
    });
  });
  queen.clock.advance(KEEP_ALIVE_MS);
  await kept;
  await queen.app.close();
  const [farewell] = await stream.frames(1);
  expect(farewell).toMatchObject({ event: "error", data: { error: { code: "SHUTTING_DOWN" } } });
});

test("a reader that stops reading keeps only its place, and is cut off when the log has run past it", async () => {
  const queen = await aQueen();
  const stream = await follow(queen);
  await stream.frames(1);
  stream.response.pause();
  const { events } = queen.queen;
  const message = "x".repeat(8_192);
  // Of each type a hundred a second, until the log has run past what the sockets between them hold.
  while (events.forgotten < 1_500) {
    queen.clock.advance(1_000);
    for (let at = 0; at < 100; at++) {
      for (const type of FLEET_EVENT_TYPES) events.add({ type, level: "info", message });
    }
    // What can be written is written meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
  }
  stream.response.resume();
  const last = (await stream.frames(Number.POSITIVE_INFINITY)).at(-1);
  expect(last?.event).toBe("error");
  expect(last?.data).toMatchObject({ error: { code: "WATCH_TOO_SLOW" } });
});
