import { DEFAULT_SCENARIO, type Scenario, type SharedPrompts, simulate } from "@hive-registry/simulation";
import { describe, expect, test } from "vitest";

const LIMIT_MS = 300_000;

/** Beginnings that together fit into the fleet's memory twice over; a beginning that is not remembered costs half a second. */
const aScenario = (prompts: Partial<SharedPrompts>, changes: Partial<Scenario> = {}): Scenario => ({
  ...DEFAULT_SCENARIO,
  ...{ slots: 8, requests: 20_000, prompts: { prefixes: 400, skew: 1, prefillMs: 500, remembers: 16, ...prompts } },
  ...changes,
});

describe("the policy prefix, on prompts with shared beginnings,", () => {
  test.each([
    ["all as common, load 0.7", { skew: 0 }, { load: 0.7 }],
    ["some much more common, load 0.7", { skew: 1 }, { load: 0.7 }],
    ["some much more common, load 0.4", { skew: 1 }, { load: 0.4 }],
    ["some much more common, load 0.85", { skew: 1 }, { load: 0.85 }],
    ["few of them, load 0.7", { prefixes: 50 }, { load: 0.7 }],
  ])(
    "finds nine of ten that can be found, with no worker above 1.5 times the mean: %s",
    (_what, prompts, changes) => {
      const { hit_rate = 0, best_hit_rate = 1, busiest_over_mean } = simulate(aScenario(prompts, changes), "prefix");
      expect(hit_rate / best_hit_rate).toBeGreaterThan(0.9);
      expect(busiest_over_mean).toBeLessThan(1.5);
    },
    LIMIT_MS,
  );

  test(
    "finds far more than a policy that does not look at prompts, and answers no later",
    () => {
      const scenario = aScenario({});
      const [prefix, best] = [simulate(scenario, "prefix"), simulate(scenario, "best")];
      expect(prefix.hit_rate).toBeGreaterThan(2 * (best.hit_rate ?? 1));
      expect(prefix.wait_mean_ms).toBeLessThanOrEqual(1.2 * best.wait_mean_ms);
    },
    LIMIT_MS,
  );
});

test(
  "with the policy session most requests meet their session's worker, and nobody waits for it",
  () => {
    const scenario = aScenario({}, { sessions: 400 });
    const [session, best] = [simulate(scenario, "session"), simulate(scenario, "best")];
    expect(session.session_kept).toBeGreaterThan(0.5);
    expect(best.session_kept).toBeLessThan(0.1);
    expect(session.wait_mean_ms).toBeLessThanOrEqual(1.2 * best.wait_mean_ms);
  },
  LIMIT_MS,
);
