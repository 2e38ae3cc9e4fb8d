import { HiveRegistry, type RegistryEvent, type RegistrySnapshot } from "hive-registry";
import { describe, expect, test } from "vitest";
import { aHeartbeat, aQueen, aWorker } from "../testing/a-queen.ts";
import { type Frame, watch } from "./testing/watching.ts";

const changeOf = (frame: Frame | undefined) => frame?.data as RegistryEvent;
const snapshotOf = (frame: Frame | undefined) => frame?.data as RegistrySnapshot;

describe("watching", () => {
  test("begins with a snapshot and goes on with every change in order, so that a replica follows", async () => {
    const queen = await aQueen();
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "m" })] }));
    const stream = await watch(queen);
    await stream.first(1);
    await queen.heartbeat(aHeartbeat({ hive_id: "rack", boot_id: "b", seq: 1 }));
    await queen.ask("DELETE", "/api/v1/hives/desk");
    queen.clock.advance(13_000);
    const frames = await stream.first(4);
    expect(frames.map(({ event }) => event)).toEqual(["snapshot", "change", "change", "change"]);
    expect(frames.slice(1).map((frame) => changeOf(frame).type)).toEqual([
      "hive.heartbeat",
      "hive.removed",
      "hive.suspect",
    ]);
    const epochs = new Set(frames.map(({ id }) => id?.split("-")[0]));
    expect(epochs.size).toBe(1);

    const replica = new HiveRegistry();
    for (const frame of frames) replica.apply(frame.data as RegistryEvent | RegistrySnapshot);
    expect(replica.snapshot().hives).toEqual(JSON.parse(JSON.stringify(queen.queen.snapshot().hives)));
  });

  test("continues where an earlier stream ended, or starts over when that is not possible", async () => {
    const queen = await aQueen({ changesMax: 4 });
    const stream = await watch(queen);
    await queen.heartbeat(aHeartbeat({ boot_id: "b", seq: 1 }));
    const lastEventId = (await stream.first(2))[1]?.id as string;
    stream.call.destroy();
    for (const seq of [2, 3]) await queen.heartbeat(aHeartbeat({ boot_id: "b", seq }));
    const resumed = await (await watch(queen, { lastEventId })).first(2);
    expect(resumed.map((frame) => changeOf(frame).revision)).toEqual([2, 3]);
    for (const seq of [4, 5, 6]) await queen.heartbeat(aHeartbeat({ boot_id: "b", seq }));
    for (const id of [lastEventId, "otherqueen-1", "nonsense", `${lastEventId.split("-")[0]}-999999`]) {
      const [first] = await (await watch(queen, { lastEventId: id })).first(1);
      expect(first).toMatchObject({ event: "snapshot", data: { revision: 6 } });
    }
  });

  test("a filtered stream shows a part, and a replica of that part follows without a gap", async () => {
    const queen = await aQueen();
    const beat = (hive_id: string, seq: number, model_id: string) =>
      queen.heartbeat(aHeartbeat({ hive_id, boot_id: "b", seq, workers: [aWorker({ model_id })] }));
    await beat("a", 1, "wanted");
    await beat("b", 1, "other");
    const stream = await watch(queen, { query: "?model=wanted" });
    await stream.first(1);
    await beat("b", 2, "other");
    await beat("c", 1, "wanted");
    await beat("a", 2, "other");
    await beat("a", 3, "other");
    await beat("b", 3, "wanted");
    const replica = new HiveRegistry();
    const frames = await stream.first(4);
    for (const frame of frames) replica.apply(frame.data as RegistryEvent | RegistrySnapshot);
    expect(
      frames
        .slice(1)
        .map((frame) => changeOf(frame))
        .map((change) => "hive_id" in change && change.hive_id),
    ).toEqual(["c", "a", "b"]);
    expect(
      replica
        .findWorkersByModel("wanted")
        .map(({ hive_id }) => hive_id)
        .sort(),
    ).toEqual(["b", "c"]);

    const [only] = await (await watch(queen, { query: "?hive_id=b" })).first(1);
    expect(snapshotOf(only).hives.map(({ report }) => report.hive_id)).toEqual(["b"]);
  });

  test("labels reach a watcher with the snapshot and as they change, also of hives that it will only see later", async () => {
    const queen = await aQueen();
    const put = (zone: string) =>
      queen.ask("PUT", "/api/v1/catalog/hives/desk", { host: "desk.lan", labels: { zone } });
    await put("eu");
    const { first } = await watch(queen, { query: "?model=m" });
    expect((await first(1))[0]?.data).toMatchObject({
      hives: [],
      labels: [{ hive_id: "desk", labels: { zone: "eu" } }],
    });
    await put("us");
    await queen.heartbeat(aHeartbeat({ workers: [aWorker({ model_id: "m" })] }));
    const replica = new HiveRegistry({ now: queen.clock.nowMs });
    for (const { data } of await first(3)) replica.apply(data as RegistrySnapshot | RegistryEvent);
    expect(replica.reserve({ model: "m", labels: { zone: "us" } })).toMatchObject({ hive_id: "desk" });
  });

  test("a reader that does not read is cut off and told why, and costs no memory meanwhile", async () => {
    const queen = await aQueen({ changesMax: 64 });
    const workers = Array.from({ length: 500 }, (_, at) => aWorker({ worker_id: `worker-${at}`, model_id: "m" }));
    const stream = await watch(queen);
    await stream.first(1);
    stream.response.pause();
    expect((await queen.stats()).watchers).toBe(1);
    for (let seq = 1; (await queen.stats()).watchers === 1; seq++) {
      if (seq > 1_000) throw new Error("the reader was never cut off");
      await queen.heartbeat(aHeartbeat({ boot_id: "b", seq, workers }));
    }
    stream.response.resume();
    const last = (await stream.ended()).at(-1);
    expect(last).toMatchObject({ event: "error", data: { error: { code: "WATCH_TOO_SLOW" } } });
  });

  test("a queen that stops ends its streams", async () => {
    const queen = await aQueen();
    const stream = await watch(queen);
    await stream.first(1);
    const closed = queen.app.close();
    expect((await stream.ended()).at(-1)).toMatchObject({ event: "error", data: { error: { code: "SHUTTING_DOWN" } } });
    await closed;
  });

  test("a quiet stream gets a comment now and then", async () => {
    const queen = await aQueen();
    const stream = await watch(queen);
    await stream.first(1);
    const chunk = new Promise((resolve) => stream.response.once("data", resolve));
    queen.clock.advance(15_000);
    expect(await chunk).toBe(": keep-alive\n\n");
  });
});
