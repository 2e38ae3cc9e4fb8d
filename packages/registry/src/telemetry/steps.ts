/** Steps are counted from 1970 by the clock that times are told by, so that those of all hives begin together. */
export const STEP_MS = 60_000;
/** Whole steps that are kept, beside the one under way: the last hour. */
export const STEPS_KEPT = 60;
/** Steps that are summed up in one long step. */
export const STEPS_A_LONG_STEP = 30;
export const LONG_STEP_MS: number = STEP_MS * STEPS_A_LONG_STEP;
/** The last day. */
export const LONG_STEPS_KEPT = 48;

export const stepAt = (nowMs: number): number => Math.floor(nowMs / STEP_MS);
export const longStepOf = (step: number): number => Math.floor(step / STEPS_A_LONG_STEP);

/** Which steps an answer is made of. */
export interface StepWindow {
  readonly from_ms: number;
  readonly step_ms: number;
  /** Values of the answer; the last one is under way. */
  readonly length: number;
  /** Made of long steps. */
  readonly isLong: boolean;
  /** The kept step, long or not, with which the first value begins. */
  readonly first: number;
  /** Kept steps in each value. */
  readonly each: number;
  /** The step that is under way. */
  readonly now: number;
}

/**
 * The steps that fit a question best: of an hour or less those that are kept of the last hour, of more those of the last day. A step is
 * rounded up to whole kept ones, and there are so many that the window is covered, the step under way being the last.
 */
export function windowOf(
  nowMs: number,
  { window_ms = STEP_MS * STEPS_KEPT, step_ms = 0 }: { readonly window_ms?: number; readonly step_ms?: number },
): StepWindow {
  const isLong = window_ms > STEP_MS * STEPS_KEPT;
  const keptMs = isLong ? LONG_STEP_MS : STEP_MS;
  const each = Math.max(1, Math.ceil(step_ms / keptMs));
  const most = Math.ceil((isLong ? LONG_STEPS_KEPT : STEPS_KEPT) / each);
  const length = Math.min(Math.max(1, Math.ceil(window_ms / (keptMs * each))), most);
  const last = Math.floor(Math.floor(nowMs / keptMs) / each);
  const first = (last - length + 1) * each;
  return { from_ms: first * keptMs, step_ms: keptMs * each, length, isLong, first, each, now: stepAt(nowMs) };
}
