import { HiveError, type Operation, type OperationState } from "@hive-registry/contract";
import type { Clock } from "./clock.ts";

/** Of what a step printed, the end is kept, characters. */
const OUTPUT_TAIL_MAX = 4_096;
/** A step that was told to give up may take this long to do so, ms; then it is left alone. */
export const GIVE_UP_WITHIN_MS = 10_000;
/** How long letting go may take after the last step, ms. */
const LET_GO_WITHIN_MS = 2_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
export type Step = Mutable<Operation["steps"][number]>;
export type RunningOperation = Mutable<Omit<Operation, "steps">> & { steps: Step[] };

/** One part of a job: what it gives back is shown as its output. */
export interface Work {
  readonly name: string;
  /** Given up when it takes longer, ms. Absent: it has a limit of its own. */
  readonly withinMs?: number;
  /** @param signal raised when the step is to be given up. */
  readonly run: (signal: AbortSignal) => Promise<string>;
}

/** What an operation does. */
export interface Job {
  readonly works: readonly Work[];
  /** What is done after a step failed or was cancelled, to leave things as they were. Not when the queen stops. */
  readonly otherwise?: () => Work | undefined;
  /** Lets go of what the steps used. */
  readonly end?: () => Promise<void>;
}

interface Deps {
  readonly clock: Clock;
  readonly onChange: () => void;
  readonly errorOf: (error: unknown, operation: RunningOperation) => NonNullable<Operation["error"]>;
}

/** Runs the steps one after another until one fails or the signal is raised, and writes down how it goes. Never rejects. */
export async function runJob(deps: Deps, operation: RunningOperation, job: Job, signal: AbortSignal): Promise<void> {
  const failure = await firstFailure(deps, operation, job.works, signal);
  if (failure !== undefined) {
    operation.error = deps.errorOf(signal.aborted ? signal.reason : failure.error, operation);
    const remedy = isStop(signal) ? undefined : job.otherwise?.();
    if (remedy !== undefined) await firstFailure(deps, operation, [remedy], new AbortController().signal);
  }
  await within(
    deps.clock,
    LET_GO_WITHIN_MS,
    Promise.resolve(job.end?.()).catch(() => {}),
  );
  operation.state = failure === undefined ? "succeeded" : stateAfter(signal);
  operation.ended_at_ms = deps.clock.nowMs();
}

async function firstFailure(
  deps: Deps,
  operation: RunningOperation,
  works: readonly Work[],
  signal: AbortSignal,
): Promise<{ readonly error: unknown } | undefined> {
  for (const work of works) {
    if (signal.aborted) return { error: signal.reason };
    const step: Step = {
      name: work.name,
      state: "running",
      started_at_ms: deps.clock.nowMs(),
      output_tail: "",
    };
    operation.steps.push(step);
    deps.onChange();
    try {
      step.output_tail = (await runWork(deps.clock, work, signal)).slice(-OUTPUT_TAIL_MAX);
      step.state = "succeeded";
    } catch (error) {
      step.output_tail = lastWordsOf(error).slice(-OUTPUT_TAIL_MAX);
      step.state = "failed";
      return { error };
    } finally {
      step.ended_at_ms = deps.clock.nowMs();
      deps.onChange();
    }
  }
  return undefined;
}

/** Ends with the work; when it is to be given up and does not, without it. */
function runWork(clock: Clock, { name, withinMs, run }: Work, whole: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const own = new AbortController();
    const stops: (() => void)[] = [];
    const settle = (end: () => void) => {
      for (const stop of stops.splice(0)) stop();
      end();
    };
    const giveUp = (reason: unknown) => {
      if (own.signal.aborted) return;
      own.abort(reason);
      stops.push(clock.after(GIVE_UP_WITHIN_MS, () => settle(() => reject(reason))));
    };
    const onAbort = () => giveUp(whole.reason);
    whole.addEventListener("abort", onAbort, { once: true });
    stops.push(() => whole.removeEventListener("abort", onAbort));
    if (withinMs !== undefined) {
      const late = new HiveError("TIMEOUT", `"${name}" was not done within ${withinMs / 1_000} s`);
      stops.push(clock.after(withinMs, () => giveUp(late)));
    }
    run(own.signal).then(
      (output) => settle(() => resolve(output)),
      (error: unknown) => settle(() => reject(own.signal.aborted ? own.signal.reason : error)),
    );
  });
}

function within(clock: Clock, ms: number, done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const stop = clock.after(ms, resolve);
    void done.then(() => {
      stop();
      resolve();
    });
  });
}

const isStop = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof HiveError && reason.code === "SHUTTING_DOWN";

function stateAfter(signal: AbortSignal): OperationState {
  if (!signal.aborted) return "failed";
  return isStop(signal) ? "interrupted" : "cancelled";
}

/** A failed step shows what the other side said last, when the failure brings it. */
function lastWordsOf(error: unknown): string {
  const details = error instanceof HiveError ? error.details : undefined;
  return typeof details === "object" && details !== null && "output_tail" in details ? String(details.output_tail) : "";
}
