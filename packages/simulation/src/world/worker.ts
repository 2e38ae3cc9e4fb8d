import type { WorkerInfo } from "hive-registry";
import type { Agenda } from "./agenda.ts";
import type { Job } from "./workload.ts";

/** What a worker tells whoever asked it. */
export interface JobEvents {
  readonly began: () => void;
  readonly done: () => void;
  /** It died with the request in it. */
  readonly cut: () => void;
}

interface Running {
  readonly beganMs: number;
  readonly events: JobEvents;
  stop(): void;
}

export interface SimWorkerOptions {
  readonly workerId: string;
  readonly model: string;
  readonly slots: number;
  /** What it pays for a prompt's beginning that it does not remember, ms, and how many it remembers. */
  readonly prefillMs: number;
  readonly remembers: number;
  /** Up to one percent of an idle GPU is in use all the same; which share of it, 0–1. */
  readonly idleGpu: () => number;
}

/** An inference server of the simulated world: slots, a line before them, and a memory of prompts' beginnings. */
export class SimWorker {
  readonly options: SimWorkerOptions;
  readonly #agenda: Agenda;
  readonly #running: Map<Job, Running> = new Map();
  readonly #waiting: { readonly job: Job; readonly events: JobEvents }[] = [];
  /** Beginnings of prompts, the one used longest ago first. */
  readonly #remembered: Set<number> = new Set();
  #isAlive = true;
  #lastReservation: string | undefined;
  #taken = 0;
  #hits = 0;
  #busyMs = 0;

  constructor(agenda: Agenda, options: SimWorkerOptions) {
    this.#agenda = agenda;
    this.options = options;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Requests that were sent to it. */
  get taken(): number {
    return this.#taken;
  }

  /** Of these, the ones whose beginning it remembered. */
  get hits(): number {
    return this.#hits;
  }

  /** Time that its slots worked so far, ms, all slots together. */
  get busyMs(): number {
    const nowMs = this.#agenda.now();
    return [...this.#running.values()].reduce((sum, { beganMs }) => sum + nowMs - beganMs, this.#busyMs);
  }

  has(job: Job): boolean {
    return this.#running.has(job) || this.#waiting.some((one) => one.job === job);
  }

  /** @returns false when nobody listens there: it is dead. */
  take(job: Job, reservationId: string | undefined, events: JobEvents): boolean {
    if (!this.#isAlive) return false;
    this.#taken++;
    if (reservationId !== undefined) this.#lastReservation = reservationId;
    if (this.#running.size < this.options.slots) this.#begin(job, events);
    else this.#waiting.push({ job, events });
    return true;
  }

  /** Whoever asked has left. */
  drop(job: Job): void {
    this.#running.get(job)?.stop();
    const at = this.#waiting.findIndex((one) => one.job === job);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** @param tells whether the connections of those it had are closed, as when a process dies; when the power fails they are not. */
  die({ tells }: { readonly tells: boolean }): void {
    this.#isAlive = false;
    const lost = [...this.#running.values(), ...this.#waiting];
    this.#waiting.length = 0;
    for (const { stop } of [...this.#running.values()]) stop();
    this.#remembered.clear();
    if (tells) for (const { events } of lost) events.cut();
  }

  revive(): void {
    this.#isAlive = true;
  }

  /** As its hive reports it, with only the seed's fields where `plain` says so. */
  info(lastHeartbeat: string, { plain }: { readonly plain: boolean }): WorkerInfo {
    const { workerId, model, slots } = this.options;
    const busy = this.#running.size;
    const gpu_percent = busy === 0 ? this.options.idleGpu() : (100 * busy) / slots;
    return {
      ...{ worker_id: workerId, state: busy >= slots ? "Busy" : "Idle", last_heartbeat: lastHeartbeat },
      ...{ health_status: "healthy", url: `http://${workerId}`, model_id: model, gpu_percent },
      ...(!plain && { slots_total: slots, slots_busy: busy, queue_depth: this.#waiting.length }),
      ...(!plain && this.#lastReservation !== undefined && { last_reservation: this.#lastReservation }),
    };
  }

  #begin(job: Job, events: JobEvents): void {
    const lastsMs = job.serviceMs + (job.prefix === -1 || this.#recall(job.prefix) ? 0 : this.options.prefillMs);
    const beganMs = this.#agenda.now();
    const leave = () => {
      this.#running.delete(job);
      this.#busyMs += this.#agenda.now() - beganMs;
    };
    const stopTimer = this.#agenda.after(lastsMs, () => {
      leave();
      events.done();
      this.#next();
    });
    const stop = () => {
      stopTimer();
      leave();
      if (this.#isAlive) this.#next();
    };
    this.#running.set(job, { beganMs, events, stop });
    events.began();
  }

  #next(): void {
    const first = this.#waiting.shift();
    if (first !== undefined) this.#begin(first.job, first.events);
  }

  /** Whether it remembers this beginning. From now on it does. */
  #recall(prefix: number): boolean {
    const isHit = this.#remembered.delete(prefix);
    if (isHit) this.#hits++;
    this.#remembered.add(prefix);
    for (const oldest of this.#remembered) {
      if (this.#remembered.size <= this.options.remembers) break;
      this.#remembered.delete(oldest);
    }
    return isHit;
  }
}
