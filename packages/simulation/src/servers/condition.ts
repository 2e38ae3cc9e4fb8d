import { setTimeout as wait } from "node:timers/promises";
import { Slots } from "../fleet/slots.ts";
import type { EmulatorState, Kind, Situation } from "./kind.ts";
import type { EmulatorFault, EmulatorOrder } from "./order.ts";

const SLOW_MS = 1_500;

export interface ConditionOptions {
  readonly models: readonly string[];
  readonly slots: number;
  readonly queueMax: number;
  readonly children: readonly string[];
  /** How long a model is loaded that a request asks for, ms. */
  readonly wakeMs: number;
}

/** How an emulated server stands: what it was told, what runs in it, and what it has done. Knows no network. */
export class Condition {
  readonly slots: Slots;
  readonly #kind: Kind;
  readonly #options: ConditionOptions;
  readonly #startedAtMs = Date.now();
  readonly #totals = { prompt_tokens: 0, answer_tokens: 0, answered: 0, overloaded: 0 };
  readonly #whenReady = new Set<() => void>();
  /** What frees the slots that others hold. */
  readonly #others: (() => void)[] = [];
  /** Models that are being loaded for a request. */
  readonly #waking = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #state: EmulatorState = "ready";
  #slowMs = SLOW_MS;
  #queued = 0;
  #kv = 0;
  #loaded: readonly string[];
  #without: readonly string[] = [];
  #fault: EmulatorFault | undefined;
  #faultsLeft = 0;

  /** @param options.models the first is in memory where the kind loads on demand, else all are */
  constructor(kind: Kind, options: ConditionOptions) {
    this.#kind = kind;
    this.#options = options;
    this.#loaded = kind.onDemand === undefined ? options.models : options.models.slice(0, 1);
    this.slots = new Slots(options.slots, options.queueMax);
  }

  get state(): EmulatorState {
    return this.#state;
  }

  /** How late everything is said, ms. */
  get lateMs(): number {
    return this.#state === "slow" ? this.#slowMs : 0;
  }

  situation(url: string, is_trusted: boolean): Situation {
    const { models, children, queueMax } = this.#options;
    return {
      ...{ state: this.#state, url, models, children, kv: this.#kv, is_trusted },
      ...(this.#state === "loading"
        ? { loaded: [], waking: this.#loaded }
        : { loaded: this.#loaded, waking: [...this.#waking.keys()] }),
      ...{ slots: this.slots.total, queue_max: queueMax },
      ...{ running: this.slots.running, queued: this.slots.waiting + this.#queued, ...this.#totals },
      ...{ started_at_s: Math.floor(this.#startedAtMs / 1_000), now_s: Math.floor(Date.now() / 1_000) },
    };
  }

  /** @throws {TypeError} for what the kind cannot be; nothing has changed then */
  apply(order: EmulatorOrder): void {
    const { state, running, loaded, fault } = order;
    if (state === "sleeping" && this.#kind.sleeps !== true) throw new TypeError("a server of this kind does not sleep");
    if ((running ?? 0) > this.slots.total) throw new TypeError(`running is at most ${this.slots.total}: the slots`);
    const strange = loaded?.find((model) => !this.#options.models.includes(model));
    if (strange !== undefined) throw new TypeError(`loaded names ${strange}, which is not among the models`);
    this.#slowMs = order.slow_ms ?? this.#slowMs;
    this.#kv = order.kv ?? this.#kv;
    this.#queued = order.queued ?? this.#queued;
    this.#without = order.without ?? this.#without;
    this.#loaded = loaded ?? this.#loaded;
    if (fault !== undefined) {
      this.#fault = fault ?? undefined;
      this.#faultsLeft = fault?.times ?? Number.POSITIVE_INFINITY;
    }
    if (state !== undefined) this.#enter(state);
    if (running !== undefined) this.#holdSlots(running);
  }

  /** Resolves when it does not load any more, or the signal is aborted. */
  async ready(signal?: AbortSignal): Promise<void> {
    if (this.#state !== "loading") return;
    await new Promise<void>((resolve) => {
      this.#whenReady.add(resolve);
      signal?.addEventListener("abort", () => {
        this.#whenReady.delete(resolve);
        resolve();
      });
    });
  }

  /** Until this model can answer. Loading goes on when the request that asked for it has gone. */
  async wake(model: string, signal: AbortSignal): Promise<void> {
    await this.ready(signal);
    const isAbsent = this.#kind.onDemand !== undefined && !this.#loaded.includes(model);
    if (!isAbsent && this.#state !== "sleeping") return;
    const waking = this.#waking.get(model) ?? this.#load(model);
    this.#waking.set(model, waking);
    await waking;
  }

  async #load(model: string): Promise<void> {
    await this.pause(this.#options.wakeMs);
    if (this.#state === "sleeping") this.#enter("ready");
    this.#waking.delete(model);
    const { onDemand } = this.#kind;
    if (onDemand === "swaps") this.#loaded = [model];
    if (onDemand === "adds" && !this.#loaded.includes(model)) this.#loaded = [...this.#loaded, model];
  }

  /** Waits so long, or until it is closed. */
  async pause(ms: number): Promise<void> {
    if (ms > 0) await wait(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  /** Ends every pause. */
  close(): void {
    this.#closing.abort();
  }

  isWithout(path: string): boolean {
    return this.#without.includes(path);
  }

  /** What goes wrong with this request. */
  drawFault(path: string): EmulatorFault | undefined {
    if (this.#fault === undefined || this.#faultsLeft <= 0) return undefined;
    if (!path.startsWith(this.#fault.path ?? "")) return undefined;
    this.#faultsLeft--;
    return this.#fault;
  }

  countAnswer(promptTokens: number, answerTokens: number): void {
    this.#totals.answered++;
    this.#totals.prompt_tokens += promptTokens;
    this.#totals.answer_tokens += answerTokens;
  }

  countOverload(): void {
    this.#totals.overloaded++;
  }

  #enter(state: EmulatorState): void {
    if (this.#state === "busy") this.#holdSlots(0);
    this.#state = state;
    if (state === "busy") this.#holdSlots(this.slots.total);
    if (state === "sleeping" && this.#kind.onDemand !== undefined) this.#loaded = [];
    if (state === "loading") return;
    for (const ready of this.#whenReady) ready();
    this.#whenReady.clear();
  }

  /** For others. The requests that are there stay, and where they leave no room the others wait. */
  #holdSlots(count: number): void {
    while (this.#others.length > count) this.#others.pop()?.();
    while (this.#others.length < count) {
      const leave = this.slots.take(() => undefined);
      if (leave === undefined) return;
      this.#others.push(leave);
    }
  }
}
