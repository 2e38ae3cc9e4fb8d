import type { ServerResponse } from "node:http";
import { HiveRegistry, type RegistryEvent, type RegistrySnapshot } from "hive-registry";
import { describe, expect, test } from "vitest";
import { aHeartbeat, aQueen, aWorker, type TestQueen } from "../testing/a-queen.ts";
import { STALLED_MAX_MS } from "./paced-stream.ts";
import { type Frame, watch } from "./testing/watching.ts";

const changeOf = (frame: Frame | undefined) => frame?.data as RegistryEvent & { readonly hive_id: string };
const typesOf = (frames: readonly Frame[]) => frames.map(({ data }) => (data as RegistryEvent).type);

const beat = (queen: TestQueen, hive_id: string, seq: number, gpu_percent = seq) =>
  void queen.queen.receiveHeartbeat(
    aHeartbeat({ hive_id, boot_id: "b", seq, workers: [aWorker({ model_id: "m", gpu_percent })] }),
  );
const lease = (queen: TestQueen, hive_id: string, seq: number) =>
  void queen.queen.receiveLease({ hive_id, boot_id: "b", seq });

/** What a reader that took all of this knows. */
function replicaOf(queen: TestQueen, frames: readonly Frame[]): HiveRegistry {
  const replica = new HiveRegistry({ now: queen.clock.nowMs });
  for (const { event, data } of frames) {
    if (event !== "error") replica.apply(data as RegistryEvent | RegistrySnapshot);
  }
  return replica;
}

const hivesOf = (registry: HiveRegistry) =>
  [...(JSON.parse(JSON.stringify(registry.snapshot().hives)) as RegistrySnapshot["hives"])].sort((a, b) =>
    a.report.hive_id < b.report.hive_id ? -1 : 1,
  );

describe("a paced stream", () => {
  test("tells every hive first, in pieces, and then of each the latest, so that a replica follows", async () => {
    const queen = await aQueen();
    for (let at = 0; at < 100; at++) beat(queen, `hive-${at}`, 1);
    const stream = await watch(queen, { query: "?hives_per_second=1000" });
    const picture = await stream.until(({ data }) => changeOf({ data } as Frame).hive_id === "hive-99");
    expect(picture[0]).toMatchObject({ event: "snapshot", id: undefined, data: { revision: 0 } });
    expect(picture.length).toBeLessThan(100);
    expect(hivesOf(replicaOf(queen, picture))).toEqual(hivesOf(queen.queen.registry));

    for (let seq = 2; seq <= 5; seq++) beat(queen, "hive-7", seq);
    queen.clock.advance(100);
    const frames = await stream.first(picture.length + 1);
    expect(frames.slice(picture.length).map(changeOf)).toMatchObject([{ type: "hive.heartbeat", report: { seq: 5 } }]);
    expect(hivesOf(replicaOf(queen, frames))).toEqual(hivesOf(queen.queen.registry));
  });

  test("tells no more hives a second than were asked for, those that waited longest first", async () => {
    const queen = await aQueen();
    const ids = Array.from({ length: 30 }, (_, at) => `hive-${at}`);
    for (const id of ids) beat(queen, id, 1);
    const stream = await watch(queen, { query: "?hives_per_second=5" });
    await stream.first(1);
    for (const id of ids) beat(queen, id, 2);
    beat(queen, "hive-0", 3);
    for (let second = 0; second < 2; second++) queen.clock.advance(1_000);
    beat(queen, "hive-0", 4);
    queen.clock.advance(4_200);
    const frames = await stream.first(32);
    const order = frames.slice(1).map((frame) => changeOf(frame).hive_id);
    expect(order).toEqual([...ids, "hive-0"]);
  });

  test("says that a hive is alive in a few words when it said no more itself", async () => {
    const queen = await aQueen();
    beat(queen, "desk", 1);
    const stream = await watch(queen, { query: "?hives_per_second=100" });
    await stream.first(1);
    lease(queen, "desk", 2);
    lease(queen, "desk", 3);
    queen.clock.advance(100);
    const frames = await stream.first(2);
    expect(changeOf(frames[1])).toMatchObject({ type: "hive.lease", hive_id: "desk", seq: 3, revision: 1 });
    beat(queen, "desk", 4);
    lease(queen, "desk", 5);
    queen.clock.advance(100);
    expect(changeOf((await stream.first(3))[2])).toMatchObject({ type: "hive.heartbeat", report: { seq: 5 } });
  });

  test("tells who fell quiet, came back or went without waiting for its turn", async () => {
    const queen = await aQueen();
    const ids = Array.from({ length: 20 }, (_, at) => `hive-${at}`);
    for (const id of ids) beat(queen, id, 1);
    const stream = await watch(queen, { query: "?hives_per_second=1" });
    await stream.first(1);
    for (const id of ids) beat(queen, id, 2);
    queen.queen.hiveDisconnected("hive-19");
    await queen.ask("PUT", "/api/v1/catalog/hives/hive-18", { host: "x.lan", labels: { zone: "eu" } });
    queen.queen.removeHive("hive-17");
    expect(typesOf(await stream.first(4))).toEqual(["snapshot", "hive.suspect", "hive.labelled", "hive.removed"]);
    lease(queen, "hive-19", 3);
    queen.clock.advance(1_000);
    const frames = await stream.first(5);
    expect(changeOf(frames[4])).toMatchObject({ type: "hive.heartbeat", hive_id: "hive-19", status: "alive" });
    const replica = replicaOf(queen, frames);
    expect(replica.stats().hives).toMatchObject({ total: 19, alive: 19 });
    expect(replica.getHiveState("hive-18")?.labels).toEqual({ zone: "eu" });
  });

  test("never lets an old sign of life follow the word that a hive is quiet", async () => {
    const queen = await aQueen();
    beat(queen, "desk", 1);
    const stream = await watch(queen, { query: "?hives_per_second=10" });
    await stream.first(1);
    lease(queen, "desk", 2);
    queen.queen.hiveDisconnected("desk");
    queen.clock.advance(1_000);
    beat(queen, "rack", 1);
    queen.clock.advance(1_000);
    const frames = await stream.first(3);
    expect(frames.slice(1).map((frame) => changeOf(frame).hive_id)).toEqual(["desk", "rack"]);
    expect(replicaOf(queen, frames).getHiveState("desk")?.status).toBe("suspect");
  });

  test("costs no more than a note for each hive while nobody reads, and goes on with what is true then", async () => {
    const { queen, response, stream, load, lastSeq } = await aStalledStream();
    const full = response.writableLength;
    for (let round = 1; round < 20; round++) {
      load(lastSeq + round);
      queen.queen.hiveDisconnected(`hive-${round}`);
      queen.queen.removeHive(`hive-${round + 100}`);
      beat(queen, `new-${round}`, 1);
      queen.clock.advance(100);
    }
    expect(response.writableLength).toBe(full);
    expect(full).toBeLessThan(1_000_000);

    stream.response.resume();
    const { registry } = queen.queen;
    const isSame = () => JSON.stringify(hivesOf(replicaOf(queen, stream.frames))) === JSON.stringify(hivesOf(registry));
    await expect.poll(() => advanced(queen) && isSame(), { timeout: 20_000, interval: 20 }).toBe(true);
  });

  test("ends for a reader that takes nothing for a minute, and says why", async () => {
    const { queen, stream } = await aStalledStream();
    expect((await queen.stats()).watchers).toBe(1);
    queen.clock.advance(STALLED_MAX_MS - 1_000);
    expect((await queen.stats()).watchers).toBe(1);
    queen.clock.advance(2_000);
    expect((await queen.stats()).watchers).toBe(0);
    stream.response.resume();
    const last = (await stream.ended()).at(-1);
    expect(last).toMatchObject({ event: "error", data: { error: { code: "WATCH_TOO_SLOW" } } });
  });

  test("asks the registry for no heartbeats", async () => {
    const queen = await aQueen();
    const stream = await watch(queen, { query: "?hives_per_second=100" });
    await stream.first(1);
    expect([(await queen.stats()).watchers, queen.queen.changes.readers]).toEqual([1, 0]);
    beat(queen, "desk", 1);
    queen.clock.advance(100);
    await stream.first(2);
    stream.call.destroy();
    await expect.poll(async () => (await queen.stats()).watchers).toBe(0);
  });

  test("is not for a part of the fleet, and keeps to what can be drawn", async () => {
    const queen = await aQueen();
    for (const query of ["hives_per_second=10&model=m", "hives_per_second=10&hive_id=a", "hives_per_second=0"]) {
      const { status, body } = await queen.ask("GET", `/api/v1/watch?${query}`);
      expect([query, status, body]).toMatchObject([query, 400, { error: { code: "INVALID_REQUEST" } }]);
    }
    expect((await queen.ask("GET", "/api/v1/watch?hives_per_second=10001")).status).toBe(400);
  });
});

/** A stream of a thousand hives whose reader stopped reading, until the queen noticed. */
async function aStalledStream() {
  const queen = await aQueen();
  let response: ServerResponse | undefined;
  queen.app.server.on("request", (_request, reply: ServerResponse) => {
    response = reply;
  });
  const load = (seq: number) => {
    for (let at = 0; at < 1_000; at++) beat(queen, `hive-${at}`, seq);
  };
  load(1);
  const stream = await watch(queen, { query: "?hives_per_second=10000" });
  stream.response.pause();
  const stalled = response as unknown as ServerResponse;
  // Until the buffers of both sockets are full: then the queen has something that it cannot send.
  let lastSeq = 1;
  for (let full = 0; full < 5; ) {
    if (++lastSeq > 1_000) throw new Error("the reader was never noticed");
    load(lastSeq);
    queen.clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
    full = stalled.writableNeedDrain ? full + 1 : 0;
  }
  return { queen, stream, response: stalled, load, lastSeq };
}

function advanced({ clock }: TestQueen): true {
  clock.advance(100);
  return true;
}
