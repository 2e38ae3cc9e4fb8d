import { connect } from "node:net";
import { follow, HiveClient } from "@hive-registry/client";
import { type HiveHeartbeatPayload, HiveRegistry, type RegistryEvent, type RegistrySnapshot } from "hive-registry";
import { describe, expect, onTestFinished, test } from "vitest";
import { aQueen } from "../packages/queen/src/testing/a-queen.ts";
import { beating } from "./support/beating.ts";
import { eventually, within } from "./support/eventually.ts";
import { aProxy } from "./support/proxy.ts";
import { aSteadyPort, aWorkplace } from "./support/workplace.ts";

const aHeartbeat = (hive_id: string, seq: number, workers: number): HiveHeartbeatPayload => ({
  ...{ hive_id, boot_id: "boot-1", seq, timestamp: new Date().toISOString(), interval_ms: 60_000 },
  workers: Array.from({ length: workers }, (_, at) => ({
    ...{ worker_id: `${hive_id}-${at}`, last_heartbeat: "2026-01-01T00:00:00Z", health_status: "healthy" as const },
    ...{ state: (at + seq) % 2 === 0 ? ("Idle" as const) : ("Busy" as const), url: `http://10.0.0.1:${9_300 + at}` },
    ...{ model_id: `model-${(at + seq) % 5}`, gpu_percent: (at * 7 + seq) % 100, vram_bytes: 1e9 + seq },
  })),
});

interface Follower {
  readonly registry: HiveRegistry;
  readonly snapshots: () => number;
  readonly changes: () => number;
}

/** A copy of the queen's registry that a client keeps; following ends with the test. */
async function aFollower(client: HiveClient): Promise<Follower> {
  const registry = new HiveRegistry();
  let [snapshots, changes] = [0, 0];
  const following = follow(
    {
      client,
      registry: {
        apply(change: RegistrySnapshot | RegistryEvent) {
          registry.apply(change);
          if (change.type === "snapshot") snapshots++;
          else changes++;
        },
      },
    },
    { backoff: { firstMs: 50, maxMs: 500 } },
  );
  onTestFinished(() => following.stop());
  await within("the first snapshot", following.ready);
  return { registry, snapshots: () => snapshots, changes: () => changes };
}

/** What the queen would tell a newcomer now. */
async function theQueensOwn(client: HiveClient): Promise<RegistrySnapshot> {
  for await (const change of client.watch()) if (change.type === "snapshot") return change;
  throw new Error("no snapshot came");
}

const sorted = ({ hives }: RegistrySnapshot) =>
  hives.toSorted((a, b) => (a.report.hive_id < b.report.hive_id ? -1 : 1));

async function expectSame({ registry }: Follower, client: HiveClient): Promise<void> {
  const truth = await theQueensOwn(client);
  await eventually("the copy is up to date", () => registry.revision >= truth.revision);
  expect(registry.revision).toBe(truth.revision);
  expect(sorted(JSON.parse(JSON.stringify(registry.snapshot())))).toEqual(sorted(truth));
}

describe("a copy of the registry that a client keeps", { timeout: 120_000 }, () => {
  test("is the queen's own in the end, however much happens meanwhile and whenever it began", async () => {
    const { client, url } = await aWorkplace().queen();
    const early = await aFollower(client);
    const hives = Array.from({ length: 40 }, (_, at) => `hive-${at}`);
    const late: Follower[] = [];
    const leases = await beating(url);

    for (let round = 1; round <= 25; round++) {
      await Promise.all(hives.map((id, at) => client.heartbeat(aHeartbeat(id, 10 * round, (at * round) % 9))));
      await leases.send(
        JSON.stringify(round === 1 ? aHeartbeat("quiet", 1, 3) : { hive_id: "quiet", boot_id: "boot-1", seq: round }),
      );
      if (round % 8 === 0) late.push(await aFollower(client));
      if (round % 5 === 0) await client.removeHive(`hive-${round}`);
      if (round % 6 === 0) await client.heartbeat({ ...aHeartbeat(`hive-${round}`, 10 * round + 5, 0), goodbye: true });
    }
    for (const follower of [early, ...late]) await expectSame(follower, client);
    expect(late).toHaveLength(3);
    expect(early.snapshots()).toBe(1);
    expect(early.changes()).toBeGreaterThan(hives.length * 25);

    // It answers as the queen does, without asking her.
    const stats = await client.stats();
    expect(early.registry.stats()).toMatchObject({ hives: stats.hives, workers: stats.workers });
    for (const model of ["model-0", "model-3"]) {
      const here = early.registry.findWorkersByModel(model).map(({ worker }) => worker.worker_id);
      const there = (await client.listWorkers({ model })).map(({ worker }) => worker.worker_id);
      expect(here.toSorted()).toEqual(there.toSorted());
    }
    expect(early.registry.findBestWorkerForModel("model-1")).toBeDefined();
  });

  test("goes on where it was after the network broke: nothing is missed, and nothing is sent again", async () => {
    const { client, url } = await aWorkplace().queen();
    await client.heartbeat(aHeartbeat("desk", 1, 4));
    const proxy = await aProxy(url);
    const follower = await aFollower(new HiveClient({ baseUrl: proxy.url }));
    for (let seq = 2; seq <= 10; seq++) {
      await client.heartbeat(aHeartbeat("desk", seq, seq % 4));
      if (seq % 3 === 0) {
        const before = proxy.opened();
        proxy.cut();
        await client.heartbeat(aHeartbeat("rack", seq, 2));
        await eventually("it is back", () => proxy.opened() > before);
      }
    }
    await expectSame(follower, client);
    expect(follower.snapshots()).toBe(1);
    expect(follower.changes()).toBe(12);
  });

  test("starts over from a snapshot when another queen answers at the address", async () => {
    const workplace = aWorkplace();
    const port = String(await aSteadyPort());
    const first = await workplace.queen(["--port", port]);
    await first.client.heartbeat(aHeartbeat("old", 1, 3));
    const follower = await aFollower(first.client);
    expect(follower.registry.listAllHives()).toEqual(["old"]);
    await first.end("SIGKILL");
    // Nothing better is known, so it is kept.
    expect(follower.registry.listAllHives()).toEqual(["old"]);

    const next = await workplace.queen(["--port", port]);
    await next.client.heartbeat(aHeartbeat("new", 1, 2));
    await eventually("the new queen's snapshot", () => follower.snapshots() === 2);
    await eventually("the new queen's hive", () => follower.registry.listAllHives().join() === "new");
    await expectSame(follower, next.client);
  });

  test("is told by the queen's resume mark when it asks for what is long gone", async () => {
    const { client, url } = await aWorkplace().queen();
    await client.heartbeat(aHeartbeat("desk", 1, 1));
    for (const mark of ["another-run-5", "", "0", "x".repeat(5_000)]) {
      const response = await fetch(`${url}/api/v1/watch`, { headers: { "last-event-id": mark } });
      expect(response.status).toBe(200);
      const reader = response.body?.getReader();
      const { value } = (await reader?.read()) ?? {};
      expect(new TextDecoder().decode(value)).toMatch(/^event: snapshot\nid: \S+\n/);
      await reader?.cancel();
    }
    await eventually("all streams are closed", async () => (await client.stats()).watchers === 0);
  });
});

test("a reader that does not read is cut off with WATCH_TOO_SLOW, and never costs more than one change's memory", {
  timeout: 90_000,
}, async () => {
  const queen = await aQueen({ changesMax: 32 });
  let waitingMax = 0;
  let watchResponse: { readonly writableLength: number } | undefined;
  queen.app.server.on("request", (request, response) => {
    if (request.url?.startsWith("/api/v1/watch")) watchResponse = response;
  });
  const url = await queen.app.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write("GET /api/v1/watch HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  await eventually("the stream is open", () => queen.queen.changes.readers === 1);
  socket.pause();

  const payload = aHeartbeat("desk", 0, 400);
  const size = JSON.stringify(payload).length;
  let sent = 0;
  for (let seq = 1; queen.queen.changes.readers === 1; seq++) {
    if (seq > 2_000) throw new Error("it was never cut off");
    queen.queen.receiveHeartbeat({ ...payload, seq });
    sent += size;
    waitingMax = Math.max(waitingMax, watchResponse?.writableLength ?? 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Far more went by than ever waited for this reader.
  expect(waitingMax).toBeGreaterThan(0);
  expect(waitingMax).toBeLessThan(3 * size);
  expect(sent).toBeGreaterThan(10 * size);

  let text = "";
  socket.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const ended = new Promise<void>((resolve) => socket.on("close", () => resolve()).on("error", () => undefined));
  socket.resume();
  await within("the end of the stream", ended);
  expect(text.slice(-1_000)).toMatch(/event: error\ndata: \{"error":\{"code":"WATCH_TOO_SLOW",/);
});
