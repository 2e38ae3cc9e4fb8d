import { LAWS, type Law, simulateLiveness } from "@hive-registry/simulation";
import { HiveRegistry, type HiveRegistryOptions } from "hive-registry";
import { describe, expect, test } from "vitest";

/** One world alone: `LIVENESS_SEED=417 npx vitest run test/simulation/liveness.test.ts`. */
const ONLY = process.env.LIVENESS_SEED;
const SEEDS = 1_000;
/** Worlds in which a weakened registry must have been found out. */
const WEAK_SEEDS = 100;
const LIMIT_MS = 300_000;

const seeds = ONLY === undefined ? Array.from({ length: SEEDS }, (_, seed) => seed) : [ONLY];

test("in no world, whatever goes wrong in it, is a law of liveness broken", { timeout: LIMIT_MS }, () => {
  const totals: Record<string, number> = {};
  for (const seed of seeds) {
    const { broken, counts, trouble } = simulateLiveness(seed);
    if (broken.size > 0) {
      const again = `Again: LIVENESS_SEED=${seed} npx vitest run test/simulation/liveness.test.ts`;
      throw new Error(`Seed ${seed}\n${[...broken.values()].join("\n")}\n${JSON.stringify(trouble)}\n${again}`);
    }
    for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
  }
  // A world in which nothing happens breaks no law either.
  if (ONLY === undefined)
    for (const [name, total] of Object.entries(totals)) expect(total, name).toBeGreaterThan(SEEDS / 10);
});

test("the same seed gives the same world", () => {
  for (const seed of [1, 2, 3, 4]) expect(simulateLiveness(seed)).toEqual(simulateLiveness(seed));
});

describe("each law can be broken: a registry that is worse is found out", () => {
  const braked = (options: HiveRegistryOptions, brakes: HiveRegistryOptions["brakes"]): HiveRegistry =>
    new HiveRegistry({ ...options, brakes: { ...options.brakes, ...brakes } });

  /** Takes every heartbeat as a new one. */
  class Gullible extends HiveRegistry {
    override updateHiveState(...[hiveId, payload, options]: Parameters<HiveRegistry["updateHiveState"]>) {
      const { boot_id: _bootId, seq: _seq, ...plain } = payload;
      const timestamp = new Date(options?.receivedAtMs ?? 0).toISOString();
      return super.updateHiveState(hiveId, { ...plain, timestamp }, options);
    }
  }

  /** Says that it took a lease, and did not. */
  class Deaf extends HiveRegistry {
    override renewLease() {
      return { accepted: true, revision: this.revision } as const;
    }
  }

  /** Evicts whoever is old, without a look at anything else. */
  class Unbraked extends HiveRegistry {
    override sweep() {
      return this.evictSilent(14_000);
    }
  }

  test.each<[what: string, make: (options: HiveRegistryOptions) => HiveRegistry, laws: Law[]]>([
    ["one that may evict all at once", (options) => braked(options, { evictShare: 1 }), ["cap"]],
    ["one that never thaws", (options) => braked(options, { freezeMaxMs: 1e9 }), ["thaw"]],
    ["one that does not notice its own stalls", (options) => braked(options, { tickMs: 1e9 }), ["silent", "evicted"]],
    ["one that knows no boots", (options) => new Gullible(options), ["boot"]],
    ["one that is deaf to leases", (options) => new Deaf(options), ["alive", "silent"]],
    ["one without brakes", (options) => new Unbraked(options), ["frozen", "cap"]],
  ])("%s", (_what, make, laws) => {
    const found = new Set<Law>();
    for (let seed = 0; seed < WEAK_SEEDS && laws.some((law) => !found.has(law)); seed++) {
      for (const law of simulateLiveness(seed, make).broken.keys()) found.add(law);
    }
    expect([...found]).toEqual(expect.arrayContaining(laws));
  });

  test("and no law is without its weakling", () => {
    const tried = ["cap", "thaw", "silent", "evicted", "boot", "alive", "frozen"];
    expect(Object.keys(LAWS).sort()).toEqual(tried.sort());
  });
});
