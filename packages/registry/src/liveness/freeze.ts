/** Of two machines both may well be switched off at once: a fleet smaller than this is never frozen. */
export const FREEZE_HIVES_MIN = 3;
/** The window slides in so many steps. */
const STEPS = 16;

/** What the registry has to tell. */
export type FreezeChange =
  | { readonly type: "fleet.frozen"; readonly until_ms: number; readonly silent: number; readonly total: number }
  | { readonly type: "fleet.thawed"; readonly reason: "time" | "recovered" | "operator" };

/**
 * Notices that most hives fell silent together. Then rather the registry is cut off than they are dead, and nobody is evicted
 * until half of the share that began it is left missing, or the time for that is over. It never lasts longer, and those that
 * are missing when it ends do not begin another one: a registry that stays frozen for ever is worse than none
 * (Eureka's issues 1073 and 1267).
 *
 * Hives that said goodbye are not counted. O(1) for each that falls or comes back.
 */
export class Freeze {
  readonly #share: number;
  readonly #maxMs: number;
  readonly #stepMs: number;
  /** Hives that fell in each step of the window and have not come back, by the step's number modulo {@link STEPS}. */
  readonly #fallen: Int32Array = new Int32Array(STEPS);
  #fallenInWindow = 0;
  #step = Number.NEGATIVE_INFINITY;
  /** Who fell then or before is not counted any more. */
  #forgottenMs = Number.NEGATIVE_INFINITY;
  #untilMs: number | undefined = undefined;
  /** Of those that fell since `#missingSinceMs`, so many did not come back. */
  #missing = 0;
  #missingSinceMs = Number.POSITIVE_INFINITY;
  #changed = false;

  constructor(options: { readonly freezeShare: number; readonly freezeMaxMs: number; readonly windowMs: number }) {
    this.#share = options.freezeShare;
    this.#maxMs = options.freezeMaxMs;
    this.#stepMs = options.windowMs / STEPS;
  }

  /** Undefined: not frozen. */
  get untilMs(): number | undefined {
    return this.#untilMs;
  }

  /** A hive was quiet for too long. */
  fell(nowMs: number): void {
    this.#slide(nowMs);
    this.#fallen[at(this.#step)] = (this.#fallen[at(this.#step)] as number) + 1;
    this.#fallenInWindow++;
    if (this.#untilMs !== undefined) this.#missing++;
    this.#changed = true;
  }

  /** One that fell then is heard again, or was removed. */
  isBack(fellAtMs: number, nowMs: number): void {
    if (fellAtMs <= this.#forgottenMs) return;
    this.#slide(nowMs);
    const step = this.#stepOf(fellAtMs);
    if (step > this.#step - STEPS) {
      this.#fallen[at(step)] = (this.#fallen[at(step)] as number) - 1;
      this.#fallenInWindow--;
    }
    if (fellAtMs >= this.#missingSinceMs) this.#missing--;
    this.#changed = true;
  }

  /** @param online hives that are alive or suspect. @returns what begins or ends now. */
  judge(nowMs: number, online: number): FreezeChange | undefined {
    if (this.#untilMs !== undefined) {
      if (nowMs >= this.#untilMs) return this.#end("time", nowMs);
      if (!this.#changed) return undefined;
      this.#changed = false;
      const isEnough = this.#missing <= (this.#share / 2) * (online + this.#missing);
      return isEnough ? this.#end("recovered", nowMs) : undefined;
    }
    if (!this.#changed) return undefined;
    this.#changed = false;
    this.#slide(nowMs);
    const total = online + this.#fallenInWindow;
    if (total < FREEZE_HIVES_MIN || this.#fallenInWindow <= this.#share * total || this.#maxMs === 0) return undefined;
    this.#untilMs = nowMs + this.#maxMs;
    this.#missing = this.#fallenInWindow;
    this.#missingSinceMs = (this.#step - STEPS + 1) * this.#stepMs;
    return { type: "fleet.frozen", until_ms: this.#untilMs, silent: this.#missing, total };
  }

  /** The operator's word. */
  thaw(nowMs: number): FreezeChange | undefined {
    return this.#untilMs === undefined ? undefined : this.#end("operator", nowMs);
  }

  /** As the original says, in a replica. */
  follow(untilMs: number | undefined): void {
    this.#untilMs = untilMs;
  }

  #end(reason: "time" | "recovered" | "operator", nowMs: number): FreezeChange {
    this.#untilMs = undefined;
    this.#missingSinceMs = Number.POSITIVE_INFINITY;
    this.#forgottenMs = nowMs;
    this.#fallen.fill(0);
    this.#fallenInWindow = 0;
    return { type: "fleet.thawed", reason };
  }

  #stepOf(ms: number): number {
    return Math.floor(ms / this.#stepMs);
  }

  #slide(nowMs: number): void {
    const step = this.#stepOf(nowMs);
    if (step - this.#step >= STEPS) {
      this.#fallen.fill(0);
      this.#fallenInWindow = 0;
    } else {
      for (let passed = this.#step + 1; passed <= step; passed++) {
        this.#fallenInWindow -= this.#fallen[at(passed)] as number;
        this.#fallen[at(passed)] = 0;
      }
    }
    this.#step = step;
  }
}

const at = (step: number): number => ((step % STEPS) + STEPS) % STEPS;
