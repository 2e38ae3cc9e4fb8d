import type { FakeFleet, FakeFleetOptions, Fault } from "@hive-registry/simulation";
import type { CommandDeps, Uses } from "../deps.ts";
import { CommandError, EXIT } from "../failure.ts";
import { PER_SECOND_MAX, type Traffic, type TrafficOptions } from "./traffic.ts";

export interface SimulateFlags {
  readonly hives: number;
  readonly workers: number;
  readonly slots: number;
  readonly seed: number;
  readonly tokensPerSecond: number;
  readonly answerTokens: number;
  readonly model?: readonly string[];
  /** Seconds. */
  readonly loading?: number;
  readonly fault?: readonly Fault["kind"][];
  readonly faultShare: number;
  /** Requests a second that clients send through the queen. */
  readonly requests: number;
  readonly seconds?: number;
}

export interface SimulateDeps extends Uses<"stats", "print" | "note" | "progress"> {
  startFleet(options: FakeFleetOptions): Promise<FakeFleet>;
  startTraffic(options: TrafficOptions): Traffic;
  /** Resolves after so many ms, or when `signal` aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  interruptible(): { readonly signal: AbortSignal; end(): void };
}

export interface SimulateOptions {
  readonly queenUrl: string;
  readonly token: string | undefined;
  /** How a person calls this program and its queen again. */
  readonly command: string;
}

/** Between two looks at what the fleet does. */
export const LOOK_EVERY_MS = 1_000;
/** What a fault of kind `slow` costs, and after how many tokens `die` cuts an answer. */
const SLOW_MS = 5_000;
const DIE_AFTER_TOKENS = 4;

const FAULTS: Readonly<Record<Fault["kind"], { readonly fault: Fault; readonly says: string }>> = {
  hang: { fault: { kind: "hang" }, says: "never answer" },
  die: {
    fault: { kind: "die", after_tokens: DIE_AFTER_TOKENS },
    says: `end after ${DIE_AFTER_TOKENS} tokens without an end`,
  },
  refuse: { fault: { kind: "refuse", status: 503 }, says: "get 503 at once" },
  slow: { fault: { kind: "slow", delay_ms: SLOW_MS }, says: `begin ${SLOW_MS / 1_000} s late` },
};

/**
 * `hive simulate`: hives that beat to a real queen over real sockets, with workers that answer the OpenAI API with made-up words.
 * Runs until Ctrl-C or `--seconds`; then the hives say goodbye, so the queen sends nobody there any more.
 */
export async function simulate(deps: SimulateDeps, flags: SimulateFlags, options: SimulateOptions): Promise<void> {
  const { print } = deps;
  refuseImpossible(flags);
  const models = flags.model ?? ["fake-model"];
  // Says how to start a queen, where there is none.
  await deps.client.stats();
  const interrupt = deps.interruptible();
  const progress = deps.progress();
  let fleet: FakeFleet | undefined;
  let traffic: Traffic | undefined;
  try {
    progress.waiting(`${flags.hives} hives with ${flags.workers} workers each`);
    fleet = await deps.startFleet(fleetOptions(flags, models, options));
    const faults = dealFaults(fleet, flags);
    progress.done(`${flags.hives} fake hives with ${flags.workers} workers each beat to ${options.queenUrl}`);
    for (const line of faults) progress.remark(line);
    if (flags.requests > 0) traffic = deps.startTraffic({ models, perSecond: flags.requests, seed: flags.seed });
    for (const line of whatNext(options.command, models[0] as string)) print(line);
    await watch(deps, { fleet, traffic, progress }, interrupt.signal, flags.seconds);
    progress.end();
    await traffic?.stop();
    await fleet.stop();
    print(`The fake hives said goodbye. ${summary(fleet, traffic)}`);
  } finally {
    progress.end();
    interrupt.end();
    await traffic?.stop();
    await fleet?.stop();
  }
}

function refuseImpossible({
  fault,
  faultShare,
  requests,
  tokensPerSecond,
  hives,
  workers,
  slots,
}: SimulateFlags): void {
  const refuse = (message: string): never => {
    throw new CommandError(message, EXIT.usage);
  };
  if (Math.min(hives, workers, slots) < 1) refuse("Hives, workers and slots begin at 1.");
  if (tokensPerSecond <= 0) refuse("--tokens-per-second must be above 0.");
  if (requests > PER_SECOND_MAX) refuse(`--requests must be at most ${PER_SECOND_MAX} a second.`);
  if (fault !== undefined && (faultShare <= 0 || faultShare > 1)) {
    refuse("--fault-share must be above 0 and at most 1.");
  }
}

function fleetOptions(flags: SimulateFlags, models: readonly string[], options: SimulateOptions): FakeFleetOptions {
  const { hives, workers, slots, seed, tokensPerSecond, answerTokens, loading = 0 } = flags;
  return {
    ...{ queenUrl: options.queenUrl, token: options.token, hives, workers, seed, models },
    worker: {
      slots,
      tokensPerSecond,
      answerTokens,
      loadMs: 1_000 * loading,
      report: { vram_bytes: 8e9, ram_bytes: 1e9 },
    },
  };
}

/** Each worker gets one kind, in turn. Returns what to tell of it. */
function dealFaults(fleet: FakeFleet, { fault: kinds = [], faultShare }: SimulateFlags): string[] {
  if (kinds.length === 0) return [];
  for (const [at, worker] of fleet.workers.entries()) {
    worker.setFault(FAULTS[kinds[at % kinds.length] as Fault["kind"]].fault, { share: faultShare });
  }
  return kinds.map((kind, at) => {
    const workers = kinds.length === 1 ? "every worker" : `worker ${at + 1} of each ${kinds.length}`;
    return `of the requests to ${workers} ${Math.round(100 * faultShare)} % ${FAULTS[kind].says}`;
  });
}

function whatNext(command: string, model: string): string[] {
  return [
    "Try in another terminal:",
    `  ${command} ls`,
    `  ${command} route ${model}`,
    `  ${command} chat ${model} "Who is the queen?"`,
    "Ctrl-C ends it.",
  ];
}

async function watch(
  deps: SimulateDeps,
  what: {
    readonly fleet: FakeFleet;
    readonly traffic: Traffic | undefined;
    readonly progress: ReturnType<CommandDeps["progress"]>;
  },
  signal: AbortSignal,
  seconds = Number.POSITIVE_INFINITY,
): Promise<void> {
  for (let left = seconds; left > 0 && !signal.aborted; left--) {
    what.progress.waiting(summary(what.fleet, what.traffic));
    await deps.pause(LOOK_EVERY_MS, signal);
  }
}

/** What the workers counted, and the clients. */
export function summary(
  fleet: Pick<FakeFleet, "workers" | "hives">,
  traffic: Pick<Traffic, "counts"> | undefined,
): string {
  const sums = { received: 0, running: 0, completed: 0, refused: 0, aborted: 0, died: 0 };
  for (const worker of fleet.workers) {
    const counts = worker.counts();
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += counts[name];
  }
  const beats = fleet.hives.reduce((sum, hive) => sum + hive.beats, 0);
  const troubles = (["refused", "aborted", "died"] as const)
    .filter((name) => sums[name] > 0)
    .map((name) => `, ${sums[name]} ${name}`)
    .join("");
  const workers = `${beats} heartbeats; ${sums.received} requests: ${sums.completed} answered, ${sums.running} running${troubles}.`;
  if (traffic === undefined) return workers;
  const { sent, answered, failed, unserved, held_back, wait_mean_ms } = traffic.counts();
  const held = held_back > 0 ? `, ${held_back} not sent: too many were open` : "";
  return `${workers} Clients: ${sent} asked, ${answered} answered after a mean wait of ${Math.round(wait_mean_ms)} ms for a place, ${failed} failed, ${unserved} found no place${held}.`;
}
