import {
  CHOICE_CANDIDATES_MAX,
  CHOICES_KEPT_MAX,
  type ChoiceList,
  type ChoicesQuery,
  type RecentChoice,
} from "@hive-registry/contract";
import type { Candidate, Explanation, HiveRegistry, Reservation, ReserveRequest } from "hive-registry";
import type { Clock } from "./clock.ts";

/** No more choices a second are explained than fit this, so that it costs well under a thousandth of a core. */
const LOOK_EVERY_MS = 200;
/** Of one model's; the others shall have a turn, however busy one is. */
const MODEL_EVERY_MS = 1_000;
/** Models whose last turn is remembered; of more than that the oldest turns are forgotten. */
const MODELS_MAX = 64;
const LISTED_DEFAULT = 50;

/**
 * Why workers were and were not chosen lately: now and then a choice is explained in the moment in which it is made, and the last of
 * these explanations are kept. The others cost a look at the clock.
 */
export class RecentChoices {
  readonly #registry: Pick<HiveRegistry, "explain">;
  readonly #clock: Pick<Clock, "nowMs">;
  /** A ring: the newest is before `#next`. */
  readonly #kept: RecentChoice[] = [];
  #next = 0;
  readonly #turns: Map<string, number> = new Map();
  #lookAtMs = 0;
  #from = 0;
  #total = 0;

  constructor(deps: { readonly registry: Pick<HiveRegistry, "explain">; readonly clock: Pick<Clock, "nowMs"> }) {
    this.#registry = deps.registry;
    this.#clock = deps.clock;
  }

  /** Before a choice. What is answered is to be told to {@link add} afterwards; mostly it is nothing. */
  explain(request: ReserveRequest): Explanation | undefined {
    this.#total++;
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#lookAtMs || nowMs - (this.#turns.get(request.model) ?? Number.NEGATIVE_INFINITY) < MODEL_EVERY_MS)
      return undefined;
    // Of a larger model those behind them have their turn next.
    const look = { lookedAtMax: CHOICE_CANDIDATES_MAX, from: this.#from };
    const explanation = this.#registry.explain(request, look);
    // A name that means nothing may be anything: only what somebody has takes a turn.
    if (explanation.resolved.length === 0) return undefined;
    this.#lookAtMs = nowMs + LOOK_EVERY_MS;
    this.#from += CHOICE_CANDIDATES_MAX;
    this.#turns.delete(request.model);
    this.#turns.set(request.model, nowMs);
    if (this.#turns.size > MODELS_MAX) this.#turns.delete(this.#turns.keys().next().value as string);
    return explanation;
  }

  /** What came of it. With a policy that goes by chance it may be another worker than the most likely one. */
  add({ resolved: _, ...explanation }: Explanation, reservation: Reservation | undefined): void {
    const chosen = chosenBy(reservation);
    const candidates = explanation.candidates.map((one) => judged(one, explanation.chosen, chosen));
    const { chosen: _likely, ...rest } = explanation;
    this.#kept[this.#next] = {
      ...{ at_ms: this.#clock.nowMs(), ...rest, candidates },
      ...(chosen === undefined ? undefined : { chosen }),
    };
    this.#next = (this.#next + 1) % CHOICES_KEPT_MAX;
  }

  list({ model, hive_id, worker_id, limit = LISTED_DEFAULT }: ChoicesQuery): ChoiceList {
    const isAsked = (one: Candidate) => one.hive_id === hive_id && one.worker_id === worker_id;
    const choices: RecentChoice[] = [];
    for (let back = 1; back <= this.#kept.length && choices.length < limit; back++) {
      const choice = this.#kept[(this.#next - back + CHOICES_KEPT_MAX) % CHOICES_KEPT_MAX] as RecentChoice;
      if (model !== undefined && choice.model !== model) continue;
      if (worker_id === undefined) {
        choices.push(choice);
        continue;
      }
      const candidates = choice.candidates.filter(isAsked);
      if (candidates.length === 0) continue;
      const left_out = choice.left_out + choice.candidates.length - candidates.length;
      choices.push({ ...choice, candidates, left_out });
    }
    return { choices, choices_total: this.#total };
  }
}

function chosenBy(reservation: Reservation | undefined): RecentChoice["chosen"] {
  if (reservation === undefined) return undefined;
  const { hive_id, worker, model } = reservation;
  return { hive_id, worker_id: worker.worker_id, model };
}

type Named = Explanation["chosen"];

/** As it went, where that is not what was most likely. */
function judged(candidate: Candidate, likely: Named, chosen: Named): Candidate {
  if (isSame(candidate, chosen)) {
    const { reason: _, ...best } = candidate;
    return best;
  }
  return isSame(candidate, likely) ? { ...candidate, reason: "outscored" } : candidate;
}

const isSame = (candidate: Candidate, one: Named): boolean =>
  one !== undefined && candidate.hive_id === one.hive_id && candidate.worker_id === one.worker_id;
