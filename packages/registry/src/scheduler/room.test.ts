import { describe, expect, test } from "vitest";
import { WorkerChanges } from "../changes/worker-changes.ts";
import { WorkerDraft } from "../heartbeats/worker-draft.ts";
import { HiveTable } from "../hives/hive-table.ts";
import { aWorker } from "../testing/builders.ts";
import type { Labels, WorkerInfo } from "../types.ts";
import { WorkerTable } from "../workers/worker-table.ts";
import { DEFAULT_BREAKER_LIMITS } from "./breaker.ts";
import { FILTERED_POOLS_MAX, UNUSED_CHOICES_MAX } from "./room.ts";
import { POLICIES, type ReserveRequest } from "./types.ts";

/** A worker table with one hive, and who is chosen there. */
function aTable(labels: Labels = {}) {
  const hive = new HiveTable(1).add("a");
  Object.assign(hive, { status: "alive", labels });
  const deps = { hiveById: () => hive, now: () => 0, changes: new WorkerChanges(() => {}), onFreed: () => {} };
  const table = new WorkerTable(deps, { random: () => 0.5, policy: "best", breaker: DEFAULT_BREAKER_LIMITS });
  const report = (...workers: Partial<WorkerInfo>[]) => {
    const list = workers.map((fields, at) =>
      aWorker({ worker_id: `w${at}`, model_id: "m", slots_total: 9, ...fields }),
    );
    const draft = new WorkerDraft();
    draft.read(list, "workers");
    table.setWorkers(hive, draft, true);
  };
  const chosen = (request: Partial<ReserveRequest> = {}) => {
    const reservation = table.scheduler.reserve({ model: "m", ...request }, 0);
    reservation?.release();
    return reservation?.worker.worker_id;
  };
  return { report, chosen, room: table.scheduler.room };
}

describe("pools for backends and labels", () => {
  test("are not made for what nobody has, so invented names take no memory", () => {
    const { room, report, chosen } = aTable();
    report({ backend: "cpu" });
    for (let each = 0; each < 3 * FILTERED_POOLS_MAX; each++) {
      expect(chosen({ labels: { zone: `invented-${each}` } })).toBeUndefined();
      expect(chosen({ backend: `invented-${each}` })).toBeUndefined();
      expect(chosen({ model: `invented-${each}` })).toBeUndefined();
    }
    expect(room.poolCount).toBe(1);
    expect(chosen({ backend: "cpu" })).toBe("w0");
    expect(room.poolCount).toBe(2);
  });

  test("are no more than so many: for further wishes workers are looked at one by one, and found as well", () => {
    const wishes = Array.from({ length: FILTERED_POOLS_MAX + 1 }, (_, at) => ({ labels: { [`key-${at}`]: "yes" } }));
    const { room, report, chosen } = aTable(Object.assign({}, ...wishes.map(({ labels }) => labels)));
    report({});
    for (const wish of wishes) expect(chosen(wish)).toBe("w0");
    expect(room.poolCount).toBe(1 + FILTERED_POOLS_MAX);
    const last = wishes.at(-1);
    for (const policy of POLICIES) expect(chosen({ ...last, policy, session: "s", prefix_key: "p" })).toBe("w0");
    expect(room.poolCount).toBe(1 + FILTERED_POOLS_MAX);
  });

  test("give their place to another when nobody asked for them for long", () => {
    const wishes = Array.from({ length: FILTERED_POOLS_MAX + 1 }, (_, at) => ({ labels: { [`key-${at}`]: "yes" } }));
    const { room, report, chosen } = aTable(Object.assign({}, ...wishes.map(({ labels }) => labels)));
    report({});
    for (const wish of wishes.slice(1)) chosen(wish);
    for (let each = 0; each <= UNUSED_CHOICES_MAX; each++) chosen();
    expect(chosen(wishes[0])).toBe("w0");
    expect(room.poolCount).toBe(1 + FILTERED_POOLS_MAX);
  });

  test("go with their model", () => {
    const { room, report, chosen } = aTable();
    report({ backend: "cpu" });
    expect(chosen({ backend: "cpu" })).toBe("w0");
    report();
    expect(room.poolCount).toBe(0);
  });

  test("lose a worker that has another backend now", () => {
    const { report, chosen } = aTable();
    report({ backend: "cpu" }, { backend: "cuda" });
    expect(chosen({ backend: "cpu" })).toBe("w0");
    report({ backend: "cuda" }, { backend: "cuda" });
    expect(chosen({ backend: "cpu" })).toBeUndefined();
    report({ backend: "cuda" }, { backend: "cpu" });
    expect(chosen({ backend: "cpu" })).toBe("w1");
  });
});
