import { POLICIES, type Policy } from "hive-registry";
import type { Patience } from "./caller.ts";
import type { NetworkOptions } from "./network.ts";
import type { SharedPrompts } from "./workload.ts";

/** How a worker is chosen: a policy of the registry, with reservations, or one of the ways that they are compared with. */
export type Way = Policy | "random" | "seed-rule" | "route";

/**
 * - `random`: any worker, by chance.
 * - `seed-rule`: of those last reported idle the one with the lowest GPU usage; nothing is counted in between.
 * - `route`: the registry's `findBestWorkerForModel`, that reserves nothing.
 */
export const WAYS: readonly Way[] = ["random", "seed-rule", "route", ...POLICIES];

/** What goes wrong, when. Times are since the first request may arrive, ms; hives are counted from 0. */
export type Trouble = { readonly at_ms: number; readonly hive: number } & (
  | { /** Its process dies; the system closes its connections. */ readonly kind: "crash" }
  | { /** Everything on it is gone, and nobody is told. */ readonly kind: "power" }
  | { /** It is back, as a new boot. */ readonly kind: "start" }
  | {
      /** Nothing passes between it and all queens, or all clients. */ readonly kind: "cut";
      readonly from: "queens" | "clients";
    }
  | { readonly kind: "heal"; readonly from: "queens" | "clients" }
);

/** A world to be simulated. The same one gives the same outcome, to the last digit. */
export interface Scenario {
  readonly seed: number;
  readonly hives: number;
  readonly workersPerHive: number;
  readonly slots: number;
  /** Share of all slots that is asked for on average, 0–1. */
  readonly load: number;
  readonly requests: number;
  readonly serviceMeanMs: number;
  /** Standard deviation of the logarithm of the service time. */
  readonly serviceSigma: number;
  readonly beatMs: number;
  /** Workers report only the fields of the seed: no slots. */
  readonly plain: boolean;
  /** Queens that do not know of each other's reservations; each request asks one of them, by chance. */
  readonly queens: number;
  readonly sessions: number;
  /** Share of clients that hang up, at any moment of their request, 0–1. */
  readonly hangUps: number;
  readonly prompts?: SharedPrompts;
  readonly network: NetworkOptions;
  readonly patience: Patience;
  /** How long a reservation stands that nobody ends, ms. */
  readonly ttlMs: number;
  /** Requests that may wait at one queen. */
  readonly lineMax: number;
  readonly troubles: readonly Trouble[];
}

export const DEFAULT_SCENARIO: Scenario = {
  ...{ seed: 1, hives: 25, workersPerHive: 4, slots: 1, load: 0.7, requests: 20_000, beatMs: 5_000, plain: false },
  ...{
    serviceMeanMs: 5_000,
    serviceSigma: 1,
    queens: 1,
    sessions: 1_000,
    hangUps: 0,
    ttlMs: 3_600_000,
    lineMax: 4_096,
    troubles: [],
  },
  network: { delayMs: 0.5, loss: 0 },
  patience: { waitMs: 3_600_000, ackMs: 5_000, idleMs: 30_000, triesMax: 3 },
};

/** Mean time between two requests that gives the scenario's load, ms. */
export function everyMsOf({ serviceMeanMs, load, hives, workersPerHive, slots }: Scenario): number {
  return serviceMeanMs / (load * hives * workersPerHive * slots);
}
