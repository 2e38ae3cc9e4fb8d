import { Worker } from "node:worker_threads";
import { follow } from "@hive-registry/client";
import { HiveRegistry, type RegistryEvent, type RegistrySnapshot } from "hive-registry";
import { expect, onTestFinished, test } from "vitest";
import { eventually, within } from "./support/eventually.ts";
import { faultsOf, faultsOfList, heartbeatOf, workerCountOf } from "./support/generations.mjs";
import { aWorkplace } from "./support/workplace.ts";

const [WRITERS, READERS, REQUESTS, HIVES] = [4, 4, 500, 20];

interface Done {
  readonly requests: number;
  readonly hivesSeen: number;
  readonly workersSeen: number;
}

/** A thread of its own, with its own connections. */
function hammer(job: "write" | "read", index: number, url: string): Promise<Done> {
  const workerData = { job, index, url, requests: REQUESTS, hives: HIVES, writers: WRITERS };
  const thread = new Worker(new URL("./support/hammer.mjs", import.meta.url), { workerData });
  onTestFinished(() => void thread.terminate());
  return new Promise((resolve, reject) => {
    thread.on("message", ({ done, failed }: { done?: Done; failed?: string }) =>
      done === undefined ? reject(new Error(`${job} ${index}: ${failed}`)) : resolve(done),
    );
    thread.on("error", reject);
    thread.on("exit", (code) => reject(new Error(`${job} ${index} ended with ${code}`)));
  });
}

test("no reader ever sees half a heartbeat, however many write and read at once", { timeout: 180_000 }, async () => {
  const { url, client } = await aWorkplace().queen();
  const replica = new HiveRegistry();
  const faults: string[] = [];
  let changes = 0;
  const following = follow({
    client,
    registry: {
      apply(change: RegistrySnapshot | RegistryEvent) {
        changes++;
        const lists = change.type === "snapshot" ? change.hives : change.type === "hive.heartbeat" ? [change] : [];
        for (const { report, workers } of lists) faults.push(...faultsOfList(report.hive_id, workers, report.seq));
        replica.apply(change);
      },
    },
  });
  onTestFinished(() => following.stop());
  await within("the first snapshot", following.ready);

  const indexes = (count: number) => Array.from({ length: count }, (_, index) => index);
  const work = await within(
    "the end of writers and readers",
    Promise.all([
      ...indexes(WRITERS).map((index) => hammer("write", index, url)),
      ...indexes(READERS).map((index) => hammer("read", index, url)),
    ]),
    150_000,
  );

  // They did read while others wrote.
  expect(work.slice(WRITERS).every(({ hivesSeen, workersSeen }) => hivesSeen > 0 && workersSeen > 0)).toBe(true);
  const generation = REQUESTS / (HIVES / WRITERS);
  const { hives, workers, revision } = await client.stats();
  expect(hives).toMatchObject({ total: HIVES, alive: HIVES });
  expect(workers.total).toBe(HIVES * workerCountOf(generation));
  await eventually("the replica has all of it", () => replica.snapshot().revision === revision);
  expect(faults).toEqual([]);
  expect(changes).toBeGreaterThanOrEqual(WRITERS * REQUESTS);
  expect(replica.listAllHives().toSorted()).toEqual(
    (await client.listHives()).map(({ hive_id }) => hive_id).toSorted(),
  );
});

test("the check itself finds half a heartbeat", () => {
  const [older, newer] = [heartbeatOf(1, 3), heartbeatOf(1, 4)];
  const state = (workers: typeof older.workers, seq: number) => ({
    ...{ hive_id: "hive-1", seq, workers, worker_count: workers.length },
    vram_used_gb: workers.reduce((total, { vram_bytes = 0 }) => total + vram_bytes, 0) / 1e9,
    ram_used_gb: workers.reduce((total, { ram_bytes = 0 }) => total + ram_bytes, 0) / 1e9,
  });
  const whole = state(older.workers, 3);
  expect(faultsOf("hive", whole)).toEqual([]);
  expect(faultsOf("resources", whole)).toEqual([]);
  const mixed = [...older.workers.slice(0, 2), ...newer.workers.slice(2)];
  expect(faultsOf("hive", state(mixed, 4)).join()).toContain("mixed");
  expect(faultsOf("hive", state(older.workers.slice(1), 3))).not.toEqual([]);
  expect(faultsOf("hive", { ...whole, vram_used_gb: 4 }).join()).toContain("vram_used_gb is not the sum");
  expect(faultsOf("resources", { ...whole, worker_count: 2 })).not.toEqual([]);
  expect(faultsOf("hive", whole, new Map([["hive-1", 4]])).join()).toContain("generation 3 after 4");
  const workers = mixed.map((worker) => ({ hive_id: "hive-1", worker }));
  expect(faultsOf("workers", { workers }).join()).toContain("mixed");
});
