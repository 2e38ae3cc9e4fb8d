import type { StepWindow } from "../telemetry/steps.ts";
import { STEP_MS, STEPS_A_LONG_STEP, STEPS_KEPT } from "../telemetry/steps.ts";

/** What may be told of one hive. */
export type Told =
  | { readonly kind: "beat"; readonly atMs: number; readonly boot: string; readonly seq: number; readonly cpu?: number }
  | { readonly kind: "late"; readonly atMs: number; readonly boot: string; readonly seq: number }
  | { readonly kind: "added"; readonly atMs: number };

export type NaiveSeries =
  | "heartbeat_interval_ms"
  | "heartbeat_jitter_ms"
  | "heartbeats_lost"
  | "workers_started"
  | "cpu_percent";

/** Keeps everything that it is told in one list, and works everything out from the beginning whenever it is asked. */
export class NaiveTelemetry {
  readonly #told: Told[] = [];

  tell(told: Told): void {
    this.#told.push(told);
  }

  read(name: NaiveSeries, window: StepWindow): (number | null)[] {
    const kept = window.isLong ? STEPS_A_LONG_STEP : 1;
    return Array.from({ length: window.length }, (_, at) => {
      const from = (window.first + at * window.each) * kept;
      const steps = Array.from({ length: window.each * kept }, (_, step) => from + step);
      const longs = window.isLong ? chunks(steps, STEPS_A_LONG_STEP) : steps.map((step) => [step]);
      const isSum = name === "heartbeats_lost" || name === "workers_started";
      return joined(
        longs.map((long) =>
          joined(
            long.map((step) => (window.isLong || step >= window.now - STEPS_KEPT ? this.#valueIn(name, step) : null)),
            isSum,
          ),
        ),
        isSum,
      );
    });
  }

  #valueIn(name: NaiveSeries, step: number): number | null {
    const inStep = ({ atMs }: { readonly atMs: number }) => Math.floor(atMs / STEP_MS) === step;
    if (name === "workers_started")
      return this.#told.filter((one) => one.kind === "added" && inStep(one)).length || null;
    if (name === "cpu_percent") return this.#cpuIn(step);
    if (name === "heartbeats_lost") return this.#lostIn(step);
    const gaps = this.#gaps()
      .filter(inStep)
      .map(({ ms }) => ms);
    if (gaps.length === 0) return null;
    const mean = gaps.reduce((sum, ms) => sum + ms, 0) / gaps.length;
    if (name === "heartbeat_interval_ms") return mean;
    if (gaps.length < 2) return null;
    return Math.sqrt(gaps.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / gaps.length);
  }

  #gaps(): { readonly atMs: number; readonly ms: number }[] {
    const beats = this.#told.filter((one) => one.kind === "beat");
    return beats.flatMap((one, at) => {
      const before = beats[at - 1];
      return before?.boot === one.boot ? [{ atMs: one.atMs, ms: one.atMs - before.atMs }] : [];
    });
  }

  #cpuIn(step: number): number | null {
    const heard = this.#heardSteps();
    if (!heard.has(step)) return null;
    const values = this.#told.flatMap((one) =>
      one.kind === "beat" && one.cpu !== undefined && Math.floor(one.atMs / STEP_MS) === step ? [one.cpu] : [],
    );
    if (values.length > 0) return values.reduce((sum, value) => sum + value, 0) / values.length;
    const before = Math.max(...[...heard].filter((one) => one < step));
    return before === Number.NEGATIVE_INFINITY ? null : this.#cpuIn(before);
  }

  /** Steps in which anything was told of it. */
  #heardSteps(): Set<number> {
    const steps = new Set<number>();
    let boot: string | undefined;
    const came = new Set<number>();
    let last = 0;
    for (const one of this.#told) {
      const step = Math.floor(one.atMs / STEP_MS);
      if (one.kind === "added") steps.add(step);
      if (one.kind === "beat") {
        steps.add(step);
        if (boot !== one.boot) came.clear();
        boot = one.boot;
        last = one.seq;
        came.add(one.seq);
      }
      if (one.kind === "late" && this.#isLate(one, boot, last, came)) {
        came.add(one.seq);
        steps.add(step);
      }
    }
    return steps;
  }

  #lostIn(step: number): number | null {
    let lost: number | null = null;
    let boot: string | undefined;
    let last = 0;
    const came = new Set<number>();
    for (const one of this.#told) {
      if (one.kind === "added") continue;
      const isHere = Math.floor(one.atMs / STEP_MS) === step;
      if (one.kind === "beat") {
        const skipped = boot === one.boot ? one.seq - last - 1 : 0;
        if (boot !== one.boot) came.clear();
        boot = one.boot;
        last = one.seq;
        came.add(one.seq);
        if (isHere) lost = (lost ?? 0) + skipped;
      } else if (this.#isLate(one, boot, last, came)) {
        came.add(one.seq);
        if (isHere) lost = (lost ?? 0) - 1;
      }
    }
    // What came late may take more off a step than was lost in it.
    return lost === null ? null : Math.max(0, lost);
  }

  /** Within 32 of the last, of the same start, after its first, and not seen before. */
  #isLate(one: Told & { kind: "late" }, boot: string | undefined, last: number, came: ReadonlySet<number>): boolean {
    return one.boot === boot && last - one.seq < 32 && one.seq > Math.min(...came) && !came.has(one.seq);
  }
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));

function joined(values: readonly (number | null)[], isSum: boolean): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  const sum = known.reduce((total, value) => total + value, 0);
  return isSum ? sum : sum / known.length;
}
