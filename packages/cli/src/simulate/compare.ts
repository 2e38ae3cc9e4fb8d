import type { Outcome, Scenario, Way } from "@hive-registry/simulation";
import type { CommandDeps, JsonFlag } from "../deps.ts";
import { CommandError, EXIT } from "../failure.ts";
import { type Column, table } from "../output/table.ts";
import { count } from "../output/units.ts";

export interface CompareFlags extends JsonFlag {
  readonly hives: number;
  readonly workers: number;
  readonly slots: number;
  /** Shares of all slots that are asked for. Default 0.7 and 0.9. */
  readonly load?: readonly number[];
  readonly beat: number;
  readonly queens: number;
  readonly requests: number;
  readonly seed: number;
  readonly prefixes?: number;
  readonly way?: readonly Way[];
}

export interface CompareDeps extends Pick<CommandDeps, "print" | "progress" | "look"> {
  readonly ways: readonly Way[];
  readonly scenario: Scenario;
  simulate(scenario: Scenario, way: Way): Outcome;
  simulateCentral(scenario: Scenario): Outcome;
  /** Lets the terminal and Ctrl-C have their turn. */
  breathe(): Promise<void>;
}

const LOADS = [0.7, 0.9];
const WORKERS_MAX = 10_000;
const REQUESTS_MAX = 1_000_000;
const QUEENS_MAX = 64;
const PREFIXES_MAX = 100_000;
/** A beginning that is not remembered costs so much, and a worker remembers twice as many as it has slots. */
const PREFILL_MS = 500;

/** `hive simulate compare`: how long requests wait with each way of choosing, on a clock of its own; no queen is asked. */
export async function compare(deps: CompareDeps, flags: CompareFlags): Promise<void> {
  const scenarios = (flags.load ?? LOADS).map((load) => scenarioOf(deps.scenario, flags, load));
  const progress = deps.progress();
  const results: { readonly load: number; readonly outcomes: readonly Outcome[] }[] = [];
  try {
    for (const scenario of scenarios) {
      const outcomes: Outcome[] = [];
      for (const way of flags.way ?? deps.ways) {
        progress.waiting(`load ${scenario.load}: ${way}`);
        await deps.breathe();
        outcomes.push(deps.simulate(scenario, way));
      }
      results.push({ load: scenario.load, outcomes: [...outcomes, deps.simulateCentral(scenario)] });
    }
  } finally {
    progress.end();
  }
  if (flags.json) return deps.print(JSON.stringify(results));
  for (const [at, { load, outcomes }] of results.entries()) {
    if (at > 0) deps.print("");
    deps.print(title(scenarios[at] as Scenario, load));
    deps.print(table(outcomes, columnsFor(flags), deps.look));
  }
}

function scenarioOf(base: Scenario, flags: CompareFlags, load: number): Scenario {
  const refuse = (message: string): never => {
    throw new CommandError(message, EXIT.usage);
  };
  const { hives, workers, slots, beat, queens, requests, seed, prefixes } = flags;
  if (load <= 0 || load >= 1) refuse("--load must be above 0 and below 1: with more, requests wait for ever.");
  if (Math.min(hives, workers, slots, queens, requests) < 1)
    refuse("Hives, workers, slots, queens and requests begin at 1.");
  if (hives * workers > WORKERS_MAX) refuse(`At most ${WORKERS_MAX} workers are simulated.`);
  if (requests > REQUESTS_MAX) refuse(`--requests must be at most ${REQUESTS_MAX}.`);
  if (queens > QUEENS_MAX) refuse(`--queens must be at most ${QUEENS_MAX}.`);
  if (beat < 0.1 || beat > 60) refuse("--beat must be 0.1 to 60 seconds.");
  if (prefixes !== undefined && (prefixes < 1 || prefixes > PREFIXES_MAX))
    refuse(`--prefixes must be 1 to ${PREFIXES_MAX}.`);
  return {
    ...base,
    ...{ hives, workersPerHive: workers, slots, load, beatMs: 1_000 * beat, queens, requests, seed },
    ...(prefixes !== undefined && { prompts: { prefixes, skew: 1, prefillMs: PREFILL_MS, remembers: 2 * slots } }),
  };
}

function title(scenario: Scenario, load: number): string {
  const { hives, workersPerHive, slots, queens, beatMs, requests, seed, serviceMeanMs, serviceSigma } = scenario;
  const several = queens > 1 ? `, ${queens} queens that share nothing` : "";
  return [
    `${count(hives * workersPerHive, "worker")} × ${count(slots, "slot")} on ${count(hives, "hive")}${several}, load ${load}, a beat every ${beatMs / 1_000} s,`,
    `${requests} requests of ${serviceMeanMs / 1_000} s on average (log-normal, sigma ${serviceSigma}), seed ${seed}`,
  ].join("\n");
}

function columnsFor({ prefixes }: CompareFlags): Column<Outcome>[] {
  const columns: Column<Outcome>[] = [
    { title: "WAY", value: ({ way }) => way },
    { title: "MEAN WAIT", value: ({ wait_mean_ms }) => waitText(wait_mean_ms), align: "right" },
    { title: "P99 WAIT", value: ({ wait_p99_ms }) => waitText(wait_p99_ms), align: "right" },
    { title: "USED", value: ({ utilisation }) => percent(utilisation), align: "right" },
    { title: "BUSIEST", value: (one) => even(one, `${one.busiest_over_mean.toFixed(2)}×`), align: "right" },
    { title: "FAIRNESS", value: (one) => even(one, one.fairness.toFixed(3)), align: "right" },
    { title: "NOT DONE", value: ({ refused, failed }) => refused + failed, align: "right" },
  ];
  if (prefixes === undefined) return columns;
  const found = ({ hit_rate, best_hit_rate }: Outcome) =>
    hit_rate === undefined || best_hit_rate === undefined ? undefined : percent(hit_rate / best_hit_rate);
  return [...columns, { title: "REMEMBERED", value: found, align: "right" }];
}

/** The central queue has no workers of its own. */
const even = ({ way }: Outcome, text: string): string | undefined => (way === "central" ? undefined : text);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export function waitText(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(0)} s`;
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms.toFixed(1)} ms`;
}
