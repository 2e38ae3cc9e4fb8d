import type { Outcome } from "hive-registry";
import type { Agenda } from "./agenda.ts";
import type { Choice, Chooser } from "./chooser.ts";
import type { Network } from "./network.ts";
import type { SimWorker } from "./worker.ts";
import type { Job } from "./workload.ts";

/** How long callers wait for what, ms, and how often they try. */
export interface Patience {
  /** In the queen's line. */
  readonly waitMs: number;
  /** For a sign that the other side has it. */
  readonly ackMs: number;
  /** Without a byte of the answer. */
  readonly idleMs: number;
  /** Workers that are tried; only before the first byte. */
  readonly triesMax: number;
}

/** `refused`: nobody had room. `failed`: every try failed, or one after its first byte. `left`: the client hung up. */
export type Ending = "completed" | "refused" | "failed" | "left";

export interface CallerDeps {
  readonly agenda: Agenda;
  readonly network: Network;
  readonly workerOf: (choice: Choice) => SimWorker;
  /** A worker was chosen for it, at this moment. */
  readonly onChosen: (job: Job, choice: Choice) => void;
  /** The request got its slot. */
  readonly onBegan: (job: Job) => void;
}

const CLIENTS = "clients";

/**
 * The life of one request as a client leads it: asks a queen for a worker, sends the request there, and tells how it went. A
 * try that brings no first byte is given up and made again at another worker.
 */
export function call(
  deps: CallerDeps,
  at: { readonly place: string; readonly chooser: Chooser },
  job: Job,
  patience: Patience,
  onEnd: (ending: Ending) => void,
): void {
  const { agenda, network } = deps;
  const tried: string[] = [];
  let tries = 0;
  /** What hanging up means at the present moment. */
  let hangUp: () => void = () => undefined;

  const stopHangUp =
    job.hangsUpMs === Number.POSITIVE_INFINITY
      ? () => undefined
      : agenda.after(job.hangsUpMs, () => {
          hangUp();
          ended("left");
        });

  const ended = (ending: Ending): void => {
    stopHangUp();
    onEnd(ending);
  };

  const again = (): void => {
    if (tries < patience.triesMax) ask();
    else ended("failed");
  };

  const ask = (): void => {
    tries++;
    let isAnswered = false;
    /** What the queen does when she hears that the connection is closed. */
    let closed = (): void => undefined;
    const stopTimer = agenda.after(patience.waitMs + patience.ackMs, () => {
      isAnswered = true;
      again();
    });
    hangUp = () => {
      isAnswered = true;
      stopTimer();
      network.send(CLIENTS, at.place, () => closed());
    };
    network.send(CLIENTS, at.place, () => {
      let given: Choice | undefined;
      const leaveLine = at.chooser.choose(job, tried, (choice) => {
        given = choice;
        if (choice !== undefined) deps.onChosen(job, choice);
        network.send(at.place, CLIENTS, () => {
          // Too late: what was reserved ends by its time, or as the queen hears of the hang-up.
          if (isAnswered) return;
          isAnswered = true;
          stopTimer();
          if (choice === undefined) ended("refused");
          else attempt(choice);
        });
      });
      closed = () => {
        if (given?.reservation_id !== undefined) at.chooser.release(given.reservation_id, "cancelled");
        else leaveLine();
      };
    });
  };

  const attempt = (choice: Choice): void => {
    const worker = deps.workerOf(choice);
    let isOver = false;
    let hasByte = false;
    let stopTimer: () => void;
    const over = (outcome: Outcome): void => {
      isOver = true;
      stopTimer();
      const { reservation_id } = choice;
      if (reservation_id === undefined) return;
      network.send(CLIENTS, at.place, () => at.chooser.release(reservation_id, outcome));
    };
    const giveUp = (outcome: "error" | "cancelled"): void => {
      over(outcome);
      network.send(CLIENTS, choice.hive_id, () => worker.drop(job));
    };
    hangUp = () => giveUp("cancelled");
    const fail = (): void => {
      if (isOver) return;
      giveUp("error");
      tried.push(choice.worker_id);
      if (hasByte) ended("failed");
      else again();
    };
    /** Bytes come as long as the worker has the request and the way is open; the last ones may still be on it. */
    const watch = (): void => {
      stopTimer = agenda.after(patience.idleMs, () => {
        if (worker.has(job) && network.isOpen(choice.hive_id, CLIENTS)) watch();
        else stopTimer = agenda.after(patience.ackMs, fail);
      });
    };
    const tell = (news: () => void): void =>
      network.send(choice.hive_id, CLIENTS, () => {
        if (!isOver) news();
      });
    const events = {
      began: () => {
        deps.onBegan(job);
        tell(() => {
          hasByte = true;
        });
      },
      done: () =>
        tell(() => {
          over("ok");
          ended("completed");
        }),
      cut: () => tell(fail),
    };
    stopTimer = agenda.after(patience.ackMs, fail);
    network.send(CLIENTS, choice.hive_id, () => {
      if (worker.take(job, choice.reservation_id, events)) {
        tell(() => {
          stopTimer();
          watch();
        });
      } else tell(fail);
    });
  };

  ask();
}
