import fc from "fast-check";
import { HiveRegistry, type RegistryEvent, type WorkerInfo } from "hive-registry";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Mirror, UNHEARD_KEPT_MS } from "./mirror.ts";

const YEAR_MS = 31_536_000_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const worker = (worker_id: string, fields: Partial<WorkerInfo> = {}): WorkerInfo => ({
  worker_id,
  state: "Idle",
  last_heartbeat: "2026-01-01T00:00:00Z",
  health_status: "healthy",
  url: `http://${worker_id}:9300`,
  model_id: "m",
  ...fields,
});

/** A queen's registry, with a clock that may be wrong, and its mirror here. */
function aPair(options: { readonly queenAheadMs?: number } = {}) {
  const now = () => Date.now();
  const queenNow = () => Date.now() + (options.queenAheadMs ?? 0);
  const copy = new HiveRegistry({ now });
  const mirror = new Mirror({ registry: copy, now });
  let beats = 0;
  const story = {
    queen: new HiveRegistry({ now: queenNow }),
    copy,
    mirror,
    log: [] as RegistryEvent[],
    beat(hive_id: string, workers: readonly WorkerInfo[], goodbye = false) {
      const timestamp = new Date(queenNow()).toISOString();
      const payload = { hive_id, timestamp, workers, boot_id: hive_id, seq: ++beats, goodbye };
      story.queen.updateHiveState(hive_id, payload, { receivedAtMs: queenNow() });
    },
    /** She starts again and knows nobody. */
    restart() {
      story.queen = new HiveRegistry({ now: queenNow });
      story.log = [];
      story.queen.subscribe((event) => story.log.push(event));
    },
    sendSnapshot: () => mirror.apply(story.queen.snapshot()),
    sendChanges() {
      for (const event of story.log.splice(0)) mirror.apply(event);
    },
  };
  story.queen.subscribe((event) => story.log.push(event));
  return story;
}

describe("a mirror", () => {
  test("takes the snapshot and every change after it, and asks for a new one when a change is missing", () => {
    const { queen, copy, mirror, beat, log, sendSnapshot } = aPair();
    beat("desk", [worker("a")]);
    sendSnapshot();
    expect(copy.listAllWorkers()).toEqual(queen.listAllWorkers());
    beat("desk", [worker("b")]);
    beat("rack", [worker("c")]);
    expect(() => mirror.apply(log[2] as RegistryEvent)).toThrow(expect.objectContaining({ code: "REVISION_GAP" }));
    for (const event of log) mirror.apply(event);
    expect(copy.listAllWorkers()).toEqual(queen.listAllWorkers());
    const { revision } = copy;
    for (const event of log) mirror.apply(event);
    expect(copy.revision).toBe(revision);
  });

  test("tells times by its own clock, so that a queen whose clock is a year ahead is no trouble", () => {
    const { copy, beat, sendSnapshot, sendChanges } = aPair({ queenAheadMs: YEAR_MS });
    beat("desk", [worker("a", { slots_total: 1, slots_busy: 0 })]);
    sendSnapshot();
    vi.advanceTimersByTime(1_000);
    const place = copy.reserve({ model: "m" });
    expect(place?.expires_at_ms).toBeLessThan(Date.now() + YEAR_MS / 2);
    vi.advanceTimersByTime(1_000);
    beat("desk", [worker("a", { slots_total: 1, slots_busy: 1 })]);
    sendChanges();
    expect(copy.getHiveState("desk")?.received_at_ms).toBe(Date.now());
    // The report contains our request: once it is over there is room, whatever the report says.
    expect(copy.reserve({ model: "m" })).toBeUndefined();
    place?.release();
    expect(copy.reserve({ model: "m" })).toBeDefined();
  });

  test("keeps what is reserved when a lost stream leads to a new snapshot", () => {
    const { copy, beat, sendSnapshot } = aPair();
    beat("desk", [worker("a", { slots_total: 1 })]);
    sendSnapshot();
    const place = copy.reserve({ model: "m" });
    sendSnapshot();
    expect(copy.reservationCount()).toBe(1);
    expect(copy.reserve({ model: "m" })).toBeUndefined();
    expect(place?.release()).toBe(true);
    expect(copy.reservationCount()).toBe(0);
  });

  test("nobody ages while the queen says nothing", () => {
    const { copy, mirror, beat, sendSnapshot } = aPair();
    beat("desk", [worker("a")]);
    sendSnapshot();
    mirror.pause();
    vi.advanceTimersByTime(YEAR_MS);
    copy.tick();
    expect(copy.getHiveState("desk")?.status).toBe("alive");
    expect(copy.reserve({ model: "m" })?.worker.worker_id).toBe("a");
  });

  test("a queen that started again takes nobody's workers away until their hives had time to report", () => {
    const story = aPair();
    story.beat("desk", [worker("a")]);
    story.beat("rack", [worker("b")]);
    story.sendSnapshot();
    story.restart();
    story.sendSnapshot();
    expect(story.copy.totalWorkerCount()).toBe(2);
    vi.advanceTimersByTime(UNHEARD_KEPT_MS - 1);
    story.beat("rack", [worker("b2")]);
    story.sendChanges();
    expect(story.copy.listAllHives().toSorted()).toEqual(["desk", "rack"]);
    vi.advanceTimersByTime(1);
    expect(story.copy.listAllWorkers().map((known) => known.worker.worker_id)).toEqual(["b2"]);
  });

  test("that time stands still while she is away again", () => {
    const story = aPair();
    story.beat("desk", [worker("a")]);
    story.sendSnapshot();
    story.restart();
    story.sendSnapshot();
    story.mirror.pause();
    vi.advanceTimersByTime(10 * UNHEARD_KEPT_MS);
    expect(story.copy.listAllHives()).toEqual(["desk"]);
    story.mirror.resume();
    vi.advanceTimersByTime(UNHEARD_KEPT_MS);
    expect(story.copy.listAllHives()).toEqual([]);
  });

  test("who said goodbye while nobody listened is offline in the next snapshot, and who was silent before and is not named is gone", () => {
    const { copy, queen, beat, sendSnapshot, sendChanges, restart } = aPair();
    beat("desk", [worker("a")]);
    beat("rack", [worker("b")]);
    sendSnapshot();
    beat("desk", [], true);
    sendSnapshot();
    expect([copy.isHiveOnline("desk", 30_000), copy.isHiveOnline("rack", 30_000)]).toEqual([false, true]);
    vi.advanceTimersByTime(60_000);
    queen.tick();
    sendChanges();
    restart();
    sendSnapshot();
    expect(copy.listAllHives()).toEqual([]);
  });

  test("equals the queen's registry after any life of hers, cut anywhere", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("beat" as const), hive: fc.nat(3), workers: fc.nat(3), bye: fc.boolean() }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(20_000) }),
      fc.record({ kind: fc.constantFrom("remove" as const, "reset" as const), hive: fc.nat(3) }),
      fc.record({ kind: fc.constantFrom("snapshot" as const, "changes" as const, "restart" as const) }),
    );
    const told = (registry: HiveRegistry) =>
      registry
        .listAllHives()
        .toSorted()
        .map((id) => ({ id, status: registry.getHiveState(id)?.status, workers: registry.getWorkersOnHive(id) }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const story = aPair({ queenAheadMs: 12_345 });
        story.sendSnapshot();
        for (const one of steps) {
          if (one.kind === "beat") {
            const workers = Array.from({ length: one.workers }, (_, at) => worker(`w${at}`));
            story.beat(`h${one.hive}`, workers, one.bye);
          } else if (one.kind === "wait") {
            vi.advanceTimersByTime(one.ms);
            story.queen.tick();
          } else if (one.kind === "remove") story.queen.removeHive(`h${one.hive}`);
          else if (one.kind === "reset") story.queen.suspectHive(`h${one.hive}`);
          else if (one.kind === "restart") {
            story.restart();
            story.sendSnapshot();
          } else if (one.kind === "snapshot") {
            story.sendSnapshot();
            story.log.length = 0;
          } else story.sendChanges();
        }
        story.sendSnapshot();
        vi.advanceTimersByTime(UNHEARD_KEPT_MS);
        story.queen.tick();
        story.sendSnapshot();
        expect(told(story.copy)).toEqual(told(story.queen));
      }),
      { numRuns: 200 },
    );
  });
});
