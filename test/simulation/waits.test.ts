import { DEFAULT_SCENARIO, type Scenario, simulate, simulateCentral } from "@hive-registry/simulation";
import { describe, expect, test } from "vitest";

const LIMIT_MS = 300_000;
/** A hundred workers, service times log-normal with a mean of 5 s. Each test says the rest. */
const aScenario = (changes: Partial<Scenario>): Scenario => ({ ...DEFAULT_SCENARIO, requests: 10_000, ...changes });

const BEATS_MS = [1_000, 5_000, 30_000];

describe.each([
  ["one slot", { slots: 1 }],
  ["eight slots", { slots: 8, requests: 20_000 }],
  ["one slot, and reports that name only the seed's fields,", { slots: 1, plain: true }],
])("a hundred workers with %s", (_what, changes) => {
  test.each([0.7, 0.9])(
    "at load %s wait hardly longer than with an all-knowing central queue, however often hives beat",
    (load) => {
      const scenario = aScenario({ ...changes, load });
      const central = simulateCentral(scenario);
      const waits = BEATS_MS.map((beatMs) => {
        const outcome = simulate({ ...scenario, beatMs }, "best");
        expect(outcome).toMatchObject({ completed: scenario.requests, reservations_left: 0, waiting_left: 0 });
        expect(outcome.wait_mean_ms).toBeLessThanOrEqual(1.2 * central.wait_mean_ms + 10);
        return outcome.wait_mean_ms;
      });
      expect(Math.max(...waits)).toBeLessThan(1.2 * Math.min(...waits));
    },
    LIMIT_MS,
  );
});

test(
  "without reservations the seed's rule alone waits longer than chance, and both longer than any policy",
  () => {
    const scenario = aScenario({});
    const [seed, random, best] = (["seed-rule", "random", "best"] as const).map(
      (way) => simulate(scenario, way).wait_mean_ms,
    ) as [number, number, number];
    expect(seed).toBeGreaterThan(2 * random);
    expect(random).toBeGreaterThan(100 * best);
  },
  LIMIT_MS,
);

test(
  "every policy keeps all workers at work: none waits much longer than the central queue",
  () => {
    const scenario = aScenario({ load: 0.9 });
    const central = simulateCentral(scenario);
    for (const way of ["least-load", "power-of-two", "round-robin", "session", "prefix"] as const) {
      const { wait_mean_ms } = simulate(scenario, way);
      expect([way, wait_mean_ms <= 1.2 * central.wait_mean_ms + 10]).toEqual([way, true]);
    }
  },
  LIMIT_MS,
);

test(
  "the same seed gives the same outcome to the last digit, another seed another one",
  () => {
    const scenario = aScenario({ requests: 2_000, load: 0.9 });
    const outcome = JSON.stringify(simulate(scenario, "power-of-two"));
    expect(JSON.stringify(simulate(scenario, "power-of-two"))).toBe(outcome);
    expect(JSON.stringify(simulate({ ...scenario, seed: 2 }, "power-of-two"))).not.toBe(outcome);
  },
  LIMIT_MS,
);

test(
  "among four queens that share no reservations chance or turns do better than what looks best",
  () => {
    const scenario = aScenario({ slots: 8, load: 0.8, queens: 4, requests: 20_000 });
    const waits = (way: "best" | "power-of-two" | "round-robin") => simulate(scenario, way).wait_mean_ms;
    const best = waits("best");
    expect(waits("power-of-two")).toBeLessThan(best / 2);
    expect(waits("round-robin")).toBeLessThan(best / 2);
  },
  LIMIT_MS,
);
