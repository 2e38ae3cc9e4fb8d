import type { HiveHeartbeatPayload, HiveWorker, Outcome, Policy } from "hive-registry";
import type { Random } from "../random.ts";
import type { Agenda } from "./agenda.ts";
import type { Hearer } from "./hive.ts";
import type { SimQueen } from "./queen.ts";
import type { Job } from "./workload.ts";

/** Where a request shall go. */
export interface Choice {
  readonly worker_id: string;
  readonly hive_id: string;
  /** Absent where nothing was reserved. */
  readonly reservation_id?: string;
}

/** A way of choosing, as it stands at a queen. */
export interface Chooser {
  /**
   * Calls `chosen` once: undefined when there was nobody in time.
   *
   * @returns what the queen does when the client hangs up meanwhile: it leaves the line.
   */
  choose(job: Job, exclude: readonly string[], chosen: (choice: Choice | undefined) => void): () => void;
  release(reservationId: string, outcome: Outcome): void;
}

/** How long one who was told "nobody is idle" waits before asking again, where there is no line to wait in. */
const ASK_AGAIN_MS = 1_000;

/** Everything that the real registry can do: choose and reserve in one step, wait in line, by one of its policies. */
export function reserving(
  queen: SimQueen,
  options: { readonly model: string; readonly policy: Policy; readonly waitMs: number; readonly ttlMs: number },
): Chooser {
  const { model, policy, waitMs, ttlMs } = options;
  return {
    choose(job, exclude, chosen) {
      const request = {
        ...{ model, policy, session: `session-${job.session}`, ttl_ms: ttlMs },
        ...(job.prefix !== -1 && { prefix_key: promptOf(job) }),
        ...(exclude.length > 0 && { exclude }),
      };
      return queen.reserve(request, waitMs, (reservation) =>
        chosen(
          reservation && {
            ...{ worker_id: reservation.worker.worker_id, hive_id: reservation.hive_id },
            reservation_id: reservation.reservation_id,
          },
        ),
      );
    },
    release: (reservationId, outcome) => queen.release(reservationId, outcome),
  };
}

/** The real registry's `findBestWorkerForModel`, that reserves nothing. */
export function routing(queen: SimQueen, agenda: Agenda, model: string): Chooser {
  return askingAgain(agenda, () => queen.registry.findBestWorkerForModel(model));
}

/** The seed's rule alone, word for word: of the workers that were last reported idle, the one with the lowest GPU usage. */
export class SeedRule implements Hearer, Chooser {
  readonly place: string;
  readonly choose: Chooser["choose"];
  readonly release: Chooser["release"];
  readonly #reports: Map<string, HiveHeartbeatPayload> = new Map();

  constructor(agenda: Agenda, place: string) {
    this.place = place;
    ({ choose: this.choose, release: this.release } = askingAgain(agenda, () => this.#lowest()));
  }

  hear(payload: HiveHeartbeatPayload): void {
    this.#reports.set(payload.hive_id, payload);
  }

  disconnected(hiveId: string): void {
    this.#reports.delete(hiveId);
  }

  #lowest(): HiveWorker | undefined {
    let lowest: HiveWorker | undefined;
    for (const { hive_id, workers } of this.#reports.values()) {
      for (const worker of workers) {
        if (worker.state !== "Idle") continue;
        if ((worker.gpu_percent ?? 100) < (lowest?.worker.gpu_percent ?? 101)) lowest = { hive_id, worker };
      }
    }
    return lowest;
  }
}

/** Any worker, by chance. */
export function random(workers: readonly Choice[], chance: Random): Chooser {
  return {
    choose: (_job, _exclude, chosen) => {
      chosen(workers[chance.whole(workers.length)]);
      return () => undefined;
    },
    release: () => undefined,
  };
}

function askingAgain(agenda: Agenda, find: () => HiveWorker | undefined): Chooser {
  const choose: Chooser["choose"] = (job, exclude, chosen) => {
    const found = find();
    if (found !== undefined) {
      chosen({ worker_id: found.worker.worker_id, hive_id: found.hive_id });
      return () => undefined;
    }
    let leave = agenda.after(ASK_AGAIN_MS, () => {
      leave = choose(job, exclude, chosen);
    });
    return () => leave();
  };
  return { choose, release: () => undefined };
}

/** Characters of a beginning that is shared, and of what follows it. */
const PREFIX_CHARACTERS = 1_024;
const OWN_CHARACTERS = 128;

const promptOf = ({ prefix, index }: Job): string =>
  `You are assistant number ${prefix}. `.padEnd(PREFIX_CHARACTERS, `rule ${prefix} `) +
  `Question ${index}? `.padEnd(OWN_CHARACTERS, `${index} `);
