import type { Random } from "../random.ts";

/** Prompts that begin alike, as those of agents and chats with one system prompt do. */
export interface SharedPrompts {
  /** How many different beginnings there are. */
  readonly prefixes: number;
  /** 0: all are as common. 1: the second half as common as the first, the third a third … (Zipf). */
  readonly skew: number;
  /** What a worker pays for a beginning that it does not remember, ms, beside the answer. */
  readonly prefillMs: number;
  /** Beginnings that one worker remembers; the one used longest ago goes first. */
  readonly remembers: number;
}

/** One request, before anybody knows who will serve it: the same for every way of choosing. */
export interface Job {
  readonly index: number;
  /** Since the beginning, ms. */
  readonly arrivesMs: number;
  /** How long its answer takes wherever it runs, ms. */
  readonly serviceMs: number;
  /** Number of its prompt's beginning; -1 when it shares none. */
  readonly prefix: number;
  readonly session: number;
  /** Its client hangs up so long after it arrived, whatever there is by then, ms; most never do. */
  readonly hangsUpMs: number;
}

export interface WorkloadOptions {
  readonly requests: number;
  /** Mean time between two requests, ms. They arrive at random (Poisson). */
  readonly everyMs: number;
  readonly serviceMeanMs: number;
  /** See {@link Random.logNormal}. */
  readonly serviceSigma: number;
  readonly sessions: number;
  /** Share of clients that hang up, after a service time on average, 0–1. */
  readonly hangUps: number;
  readonly prompts: SharedPrompts | undefined;
}

export function workloadOf(random: Random, options: WorkloadOptions): Job[] {
  const arrivals = random.stream("arrivals");
  const services = random.stream("services");
  const prompts = random.stream("prompts");
  const sessions = random.stream("sessions");
  const hangUps = random.stream("hang-ups");
  const prefixOf = options.prompts === undefined ? () => -1 : zipf(options.prompts, prompts);
  let arrivesMs = 0;
  return Array.from({ length: options.requests }, (_, index) => {
    arrivesMs += arrivals.exponential(options.everyMs);
    return {
      index,
      arrivesMs,
      serviceMs: services.logNormal(options.serviceMeanMs, options.serviceSigma),
      prefix: prefixOf(),
      session: sessions.whole(options.sessions),
      hangsUpMs:
        hangUps.next() < options.hangUps ? hangUps.exponential(options.serviceMeanMs) : Number.POSITIVE_INFINITY,
    };
  });
}

/** Draws numbers below `prefixes`, small ones more often. */
function zipf({ prefixes, skew }: SharedPrompts, random: Random): () => number {
  const upTo: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= prefixes; rank++) {
    sum += rank ** -skew;
    upTo.push(sum);
  }
  return () => {
    const point = random.next() * sum;
    let low = 0;
    let high = prefixes - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] as number) <= point) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/**
 * The share of requests that can find their beginning remembered, when the fleet together remembers all there are: every one
 * but the first of each.
 */
export function bestHitRate(jobs: readonly Job[]): number {
  return 1 - new Set(jobs.map(({ prefix }) => prefix)).size / jobs.length;
}
