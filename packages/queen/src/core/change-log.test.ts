import fc from "fast-check";
import type { RegistryEvent } from "hive-registry";
import { describe, expect, test } from "vitest";
import { ChangeLog, KEPT_FOR_RETURN_MS } from "./change-log.ts";

const change = (revision: number, at_ms = 0): RegistryEvent => ({
  revision,
  at_ms,
  hive_id: "h",
  type: "hive.removed",
});

/** A log, and the registry whose changes it keeps. */
function aLog(capacity: number, revision: number) {
  const listeners = new Set<(event: RegistryEvent) => void>();
  const registry = {
    revision,
    subscribe: (listener: (event: RegistryEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const changes = (...events: RegistryEvent[]) => {
    for (const event of events) {
      registry.revision = event.revision;
      for (const listener of [...listeners]) listener(event);
    }
  };
  return { log: new ChangeLog(registry, capacity), changes, listeners };
}

describe("the log of changes", () => {
  test("keeps the last so many, and tells who can go on from where", () => {
    const { log, changes } = aLog(3, 10);
    log.onAppend(() => {});
    expect([9, 10, 11].map((at) => log.follows(at))).toEqual([false, true, false]);
    for (let revision = 11; revision <= 15; revision++) changes(change(revision));
    expect([11, 12, 13, 14, 15, 16].map((at) => log.at(at)?.revision)).toEqual([
      undefined,
      undefined,
      13,
      14,
      15,
      undefined,
    ]);
    expect([10, 11, 12, 14, 15, 16].map((at) => log.follows(at))).toEqual([false, false, true, true, true, false]);
  });

  test("wakes its readers until they leave", () => {
    const { log, changes } = aLog(3, 0);
    let woken = 0;
    const leave = log.onAppend(() => woken++);
    changes(change(1));
    leave();
    changes(change(2));
    expect(woken).toBe(1);
    expect(log.readers).toBe(0);
  });

  test("keeps nothing that nobody has ever asked for", () => {
    const { log, changes } = aLog(8, 0);
    for (let revision = 1; revision <= 5; revision++) changes(change(revision));
    expect(log.last).toBe(5);
    expect([1, 4, 5].map((at) => log.at(at))).toEqual([undefined, undefined, undefined]);
    expect([0, 4, 5].map((at) => log.follows(at))).toEqual([false, false, true]);
  });

  test("asks for changes only while somebody follows, or may come back", () => {
    const { log, changes, listeners } = aLog(8, 0);
    expect(listeners.size).toBe(0);
    const leave = log.onAppend(() => {});
    log.onAppend(() => {})();
    expect(listeners.size).toBe(1);
    leave();
    changes(change(1, 0), change(2, KEPT_FOR_RETURN_MS - 1));
    expect(listeners.size).toBe(1);
    changes(change(3, KEPT_FOR_RETURN_MS));
    expect(listeners.size).toBe(0);
  });

  test("passes over a change that its registry made before somebody came, and delivers only after", () => {
    const { log, changes } = aLog(8, 5);
    let woken = 0;
    log.onAppend(() => woken++);
    changes(change(5));
    expect([woken, log.last]).toEqual([0, 5]);
  });

  test("waits a minute for a reader whose connection broke, from the first change that it missed", () => {
    const { log, changes } = aLog(100, 0);
    const leave = log.onAppend(() => {});
    changes(change(1, 1_000));
    leave();
    changes(change(2, 3_600_000));
    changes(change(3, 3_600_000 + KEPT_FOR_RETURN_MS - 1));
    expect(log.follows(1)).toBe(true);
    changes(change(4, 3_600_000 + KEPT_FOR_RETURN_MS));
    expect([1, 2, 3].map((at) => log.follows(at))).toEqual([false, false, false]);
    expect(log.follows(4)).toBe(true);
  });

  test("goes on for the others when one reader leaves, whoever leaves twice", () => {
    const { log, changes } = aLog(100, 0);
    const leave = log.onAppend(() => {});
    log.onAppend(() => {});
    leave();
    changes(change(1, 1));
    changes(change(2, 1 + 10 * KEPT_FOR_RETURN_MS));
    leave();
    changes(change(3, 2 + 20 * KEPT_FOR_RETURN_MS));
    expect(log.follows(0)).toBe(true);
  });

  test("who may go on finds every change until the newest, whatever readers do", () => {
    const aStep = fc.record({ waitMs: fc.nat(KEPT_FOR_RETURN_MS), do: fc.constantFrom("change", "come", "leave") });
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 60 }), (steps) => {
        const { log, changes } = aLog(4, 0);
        const leaves: (() => void)[] = [];
        let [nowMs, revision] = [0, 0];
        for (const step of steps) {
          nowMs += step.waitMs;
          if (step.do === "come") leaves.push(log.onAppend(() => {}));
          else if (step.do === "leave") leaves.shift()?.();
          else changes(change(++revision, nowMs));
          for (let from = 0; from <= revision; from++) {
            if (!log.follows(from)) continue;
            for (let at = from + 1; at <= revision; at++) expect(log.at(at)?.revision).toBe(at);
          }
          expect(log.follows(revision)).toBe(true);
        }
      }),
    );
  });
});
