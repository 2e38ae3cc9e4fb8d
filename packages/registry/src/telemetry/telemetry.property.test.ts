import fc from "fast-check";
import { expect, test } from "vitest";
import { type NaiveSeries, NaiveTelemetry, type Told } from "../testing/naive-telemetry.ts";
import { LONG_STEP_MS, STEP_MS, windowOf } from "./steps.ts";
import { Telemetry } from "./telemetry.ts";

const START_MS = Date.parse("2026-11-01T12:10:00Z");

type Step =
  | { readonly do: "beat"; readonly cpu: number | undefined; readonly skips: number }
  | { readonly do: "late"; readonly back: number }
  | { readonly do: "restart" }
  | { readonly do: "added" };

const aStep = fc.record({
  waitMs: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 20 * STEP_MS }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 4 * LONG_STEP_MS }) },
  ),
  step: fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({
      do: fc.constant("beat" as const),
      cpu: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
      skips: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 })),
    }),
    fc.record({ do: fc.constant("late" as const), back: fc.integer({ min: 0, max: 40 }) }),
    fc.constant({ do: "restart" as const }),
    fc.constant({ do: "added" as const }),
  ),
});

/** How far apart two values may be: as much as a code of few bits cannot tell, once a step and once half an hour. */
const MAY_DIFFER: Readonly<Record<NaiveSeries, (value: number) => number>> = {
  heartbeat_interval_ms: (value) => 1.1 + value / 900,
  heartbeat_jitter_ms: (value) => 1.1 + value / 900,
  heartbeats_lost: (value) => 0.5 + Math.abs(value) / 6,
  workers_started: (value) => 0.5 + value / 6,
  cpu_percent: () => 0.6,
};
const NAMES = Object.keys(MAY_DIFFER) as NaiveSeries[];

test("the rings tell what a list of everything that ever came tells", () => {
  fc.assert(
    fc.property(fc.array(aStep, { minLength: 1, maxLength: 120 }), (steps) => {
      const telemetry = new Telemetry(START_MS);
      const naive = new NaiveTelemetry();
      let atMs = START_MS;
      let [boot, seq, isKnown] = [0, 0, false];
      const tell = (told: Told) => {
        if (!isKnown && told.kind !== "beat") return;
        isKnown = true;
        naive.tell(told);
        if (told.kind === "added") telemetry.workerChanged({ hive_id: "a", kind: "added" }, told.atMs);
        else if (told.kind === "late") telemetry.late({ hive_id: "a", boot_id: told.boot, seq: told.seq }, told.atMs);
        else {
          const beat = { hive_id: "a", boot_id: told.boot, seq: told.seq };
          telemetry.heartbeat(beat, told.atMs);
          if (told.cpu === undefined) return;
          telemetry.sample({ ...beat, timestamp: "", workers: [], cpu_percent: told.cpu }, told.atMs);
        }
      };
      for (const { waitMs, step } of steps) {
        atMs += waitMs;
        if (step.do === "restart") [boot, seq] = [boot + 1, 0];
        else if (step.do === "added") tell({ kind: "added", atMs });
        else if (step.do === "late") {
          if (seq - step.back > 0) tell({ kind: "late", atMs, boot: `${boot}`, seq: seq - step.back });
        } else {
          seq += 1 + step.skips;
          const cpu = step.cpu === undefined ? {} : { cpu: step.cpu };
          tell({ kind: "beat", atMs, boot: `${boot}`, seq, ...cpu });
        }
      }
      for (const asked of [{}, { step_ms: 7 * STEP_MS }, { window_ms: 86_400_000 }]) {
        const window = windowOf(atMs, asked);
        const series = telemetry.hiveSeries("a", NAMES, window)?.series;
        if (!isKnown) {
          expect(series).toBeUndefined();
          continue;
        }
        for (const name of NAMES) {
          const expected = naive.read(name, window);
          const got = series?.[name] ?? [];
          expect(got).toHaveLength(expected.length);
          for (const [at, value] of expected.entries()) {
            const what = `${name} ${at} of ${JSON.stringify(asked)}: ${got[at]}, not ${value}`;
            if (value === null) expect(got[at], what).toBeNull();
            else
              expect(Math.abs((got[at] ?? Number.NaN) - Math.max(value, 0)), what).toBeLessThan(
                MAY_DIFFER[name](value),
              );
          }
        }
      }
    }),
    { numRuns: 300 },
  );
}, 60_000);

test("a window is covered by the steps that are kept, and ends with the one that is under way", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000, max: 86_400_000 }),
      fc.option(fc.integer({ min: 1_000, max: 86_400_000 }), { nil: undefined }),
      fc.integer({ min: START_MS, max: START_MS + 86_400_000 }),
      (window_ms, step_ms, nowMs) => {
        const window = windowOf(nowMs, step_ms === undefined ? { window_ms } : { window_ms, step_ms });
        const endMs = window.from_ms + window.length * window.step_ms;
        expect(window.step_ms % STEP_MS).toBe(0);
        expect(window.step_ms).toBeGreaterThanOrEqual(step_ms ?? 0);
        expect(window.length).toBeLessThanOrEqual(60);
        expect(window.length * window.step_ms).toBeGreaterThanOrEqual(window_ms);
        expect(endMs).toBeGreaterThan(nowMs);
        expect(endMs - window.step_ms).toBeLessThanOrEqual(nowMs);
      },
    ),
  );
});
