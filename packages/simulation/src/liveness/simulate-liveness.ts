import { HiveRegistry, type HiveRegistryOptions } from "hive-registry";
import { randomFrom } from "../random.ts";
import { Judge, type Law } from "./laws.ts";
import { LivenessWorld } from "./liveness-world.ts";
import { EVICT_AFTER_MS, FREEZE_MAX_MS, INTERVAL_MS, SILENT_AFTER_MS, STEP_MS } from "./scale.ts";
import { type Trouble, troubleFrom } from "./trouble.ts";

/** How one world went. */
export interface LivenessOutcome {
  readonly trouble: Trouble;
  /** Each law that was broken, with the first time in words. Empty: none was. */
  readonly broken: ReadonlyMap<Law, string>;
  readonly counts: Judge["counts"];
}

/**
 * Runs a fleet and the trouble that its seed gives it against a registry, on a clock of their own. The same seed, the same world.
 *
 * @param makeRegistry another registry than the real one: to see that the laws can be broken.
 */
export function simulateLiveness(
  seed: string | number,
  makeRegistry: (options: HiveRegistryOptions) => HiveRegistry = (options) => new HiveRegistry(options),
): LivenessOutcome {
  const random = randomFrom(seed);
  const trouble = troubleFrom(random.stream("trouble"));
  const startMs = Date.parse("2026-01-01T00:00:00Z");
  const time = { nowMs: 0 };
  const registry = makeRegistry({
    now: () => startMs + time.nowMs,
    intervalMs: INTERVAL_MS,
    limits: { suspectIntervals: 2.5, silentAfterMs: SILENT_AFTER_MS },
    brakes: { evictAfterMs: EVICT_AFTER_MS, freezeMaxMs: FREEZE_MAX_MS, tickMs: STEP_MS, stallMs: 0 },
    random: random.stream("registry").next,
  });
  const judge = new Judge(trouble.hives, () => registry.hiveCount());
  const world = new LivenessWorld({ registry, judge, time, random: random.stream("world") }, trouble);
  registry.subscribe(
    (event) => {
      judge.hear(event, time.nowMs);
      if (event.type === "hive.evicted") world.forgotten(Number(event.hive_id));
    },
    { heartbeats: false },
  );
  world.run();
  return { trouble, broken: judge.broken, counts: judge.counts };
}
