import type { Server } from "./server-engine.ts";

/** Idle answers in a row before the pauses begin: whoever was busy a moment ago is likely to be so again. */
export const IDLE_ANSWERS = 8;
/** Longest pause, probes: about half an hour. */
export const PAUSE_PROBES_MAX = 1_024;

interface Pause {
  idle: number;
  left: number;
}

/**
 * When to ask a question that keeps a server awake: each time, while it is busy or was so lately; else less and less often, so
 * that it falls asleep after whatever time its operator said.
 */
export class IdlePauses {
  readonly #pauses: WeakMap<Server, Pause> = new WeakMap();

  /** Whether this probe may ask. */
  isDue(server: Server): boolean {
    const pause = this.#pauses.get(server);
    if (pause === undefined || pause.left === 0) return true;
    pause.left -= 1;
    return false;
  }

  /** What the answer was. */
  found(server: Server, isIdle: boolean): void {
    const idle = isIdle ? (this.#pauses.get(server)?.idle ?? 0) + 1 : 0;
    const left = idle < IDLE_ANSWERS ? 0 : Math.min(2 ** (idle - IDLE_ANSWERS), PAUSE_PROBES_MAX);
    this.#pauses.set(server, { idle, left });
  }
}
