import { DEFAULT_SCENARIO, type Scenario, simulate, type Trouble } from "@hive-registry/simulation";
import fc from "fast-check";
import { POLICIES } from "hive-registry";
import { expect, test } from "vitest";

const LIMIT_MS = 300_000;
const HIVES = 6;
const SLOTS_PER_HIVE = 4;

/** A small fleet, and clients that do not wait for ever. */
const aScenario = (changes: Partial<Scenario>): Scenario => ({
  ...DEFAULT_SCENARIO,
  ...{ hives: HIVES, workersPerHive: 2, slots: 2, load: 0.5, requests: 1_000, serviceMeanMs: 2_000, ttlMs: 30_000 },
  patience: { waitMs: 20_000, ackMs: 2_000, idleMs: 5_000, triesMax: 3 },
  ...changes,
});

test.each(["power", "crash"] as const)(
  "when a hive dies (%s), only what ran on it fails: all else is answered elsewhere",
  (kind) => {
    for (const policy of POLICIES) {
      const outcome = simulate(aScenario({ troubles: [{ kind, hive: 2, at_ms: 60_000 }] }), policy);
      expect(outcome).toMatchObject({ refused: 0, sent_to_silent_late: 0, reservations_left: 0, waiting_left: 0 });
      expect(outcome.failed).toBeLessThanOrEqual(SLOTS_PER_HIVE);
      expect(outcome.completed + outcome.failed).toBe(1_000);
    }
  },
  LIMIT_MS,
);

test(
  "a process that dies is known at once: nobody is sent there; a power cut only by the first failures and the silence",
  () => {
    const sent = (kind: "power" | "crash") =>
      simulate(aScenario({ troubles: [{ kind, hive: 2, at_ms: 60_000 }] }), "round-robin").sent_to_silent;
    expect(sent("crash")).toBe(0);
    // Each of its workers is tried once before it is set aside, and perhaps once more as a probe.
    expect(sent("power")).toBeGreaterThan(0);
    expect(sent("power")).toBeLessThanOrEqual(2 * SLOTS_PER_HIVE);
  },
  LIMIT_MS,
);

test(
  "a hive that is cut off from the queen gets no new work, and gets it again when the way is open",
  () => {
    const cut = (endMs: number): readonly Trouble[] => [
      { kind: "cut", from: "queens", hive: 0, at_ms: 0 },
      { kind: "heal", from: "queens", hive: 0, at_ms: endMs },
    ];
    const healedAfter = (endMs: number) => simulate(aScenario({ troubles: cut(endMs) }), "round-robin");
    const [short, long] = [healedAfter(30_000), healedAfter(1e9)];
    expect(short).toMatchObject({ completed: 1_000, sent_to_silent_late: 0 });
    expect(long).toMatchObject({ completed: 1_000, sent_to_silent_late: 0 });
    // Until she notices, 13 s of some 170, it gets its share; after that nothing, or its share again.
    const ofHive = (outcome = short) => outcome.by_worker.slice(0, 2).reduce((sum, requests) => sum + requests, 0);
    expect(ofHive(long)).toBeGreaterThan(0);
    expect(ofHive(long)).toBeLessThan(40);
    expect(ofHive(short)).toBeGreaterThan(100);
  },
  LIMIT_MS,
);

/** Something that happens to a hive and is over after a while. */
const aTrouble: fc.Arbitrary<readonly Trouble[]> = fc
  .record({
    hive: fc.nat(HIVES - 1),
    at_ms: fc.nat(90_000),
    lastsMs: fc.nat(60_000),
    kind: fc.constantFrom("crash", "power", "queens", "clients"),
  })
  .map(({ hive, at_ms, lastsMs, kind }) =>
    kind === "crash" || kind === "power"
      ? [
          { kind, hive, at_ms },
          { kind: "start", hive, at_ms: at_ms + lastsMs },
        ]
      : [
          { kind: "cut", from: kind as "queens" | "clients", hive, at_ms },
          { kind: "heal", from: kind as "queens" | "clients", hive, at_ms: at_ms + lastsMs },
        ],
  );

test(
  "whatever the network loses and whoever dies, each request ends once, nothing stays behind, and the silent get no work",
  () => {
    fc.assert(
      fc.property(
        fc.array(aTrouble, { maxLength: 6 }),
        fc.record({
          policy: fc.constantFrom(...POLICIES),
          seed: fc.nat(),
          queens: fc.integer({ min: 1, max: 3 }),
          loss: fc.double({ min: 0, max: 0.05, noNaN: true }),
          delayMs: fc.integer({ min: 1, max: 50 }),
          hangUps: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        (troubles, { policy, seed, queens, loss, delayMs, hangUps }) => {
          const scenario = aScenario({
            seed,
            queens,
            requests: 300,
            network: { delayMs, loss },
            hangUps,
            troubles: troubles.flat(),
          });
          const outcome = simulate(scenario, policy);
          expect(outcome.completed + outcome.refused + outcome.failed + outcome.left).toBe(300);
          expect(outcome).toMatchObject({ reservations_left: 0, waiting_left: 0, sent_to_silent_late: 0 });
        },
      ),
      { numRuns: 60 },
    );
  },
  LIMIT_MS,
);

test(
  "after a hundred thousand requests with hang-ups, losses, deaths and timeouts no place is held and nobody waits",
  () => {
    const hourMs = 3_600_000;
    const deaths = Array.from({ length: 60 }, (_, at): readonly Trouble[] => {
      const dies = { kind: at % 2 === 0 ? "crash" : "power", hive: at % HIVES, at_ms: (at * hourMs) / 30 } as const;
      return [dies, { kind: "start", hive: dies.hive, at_ms: dies.at_ms + hourMs / 60 }];
    });
    const scenario = aScenario({
      ...{ requests: 100_000, serviceMeanMs: 1_000, load: 0.6, hangUps: 0.2, ttlMs: 30_000 },
      ...{ network: { delayMs: 5, loss: 0.002 }, troubles: deaths.flat() },
    });
    const outcome = simulate(scenario, "best");
    expect(outcome.completed + outcome.refused + outcome.failed + outcome.left).toBe(100_000);
    for (const kind of ["completed", "failed", "left"] as const) expect(outcome[kind]).toBeGreaterThan(100);
    expect(outcome).toMatchObject({ reservations_left: 0, waiting_left: 0, sent_to_silent_late: 0 });
  },
  LIMIT_MS,
);

test(
  "a client that hangs up, in the line or at a worker, gives its place to the next one",
  () => {
    const crowded = (hangUps: number) => simulate(aScenario({ load: 0.98, hangUps, requests: 3_000 }), "best");
    const [patient, impatient] = [crowded(0), crowded(0.5)];
    expect(patient.left).toBe(0);
    expect(impatient.left).toBeGreaterThan(500);
    expect(impatient.wait_mean_ms).toBeLessThan(patient.wait_mean_ms / 2);
  },
  LIMIT_MS,
);
