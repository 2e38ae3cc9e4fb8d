import type { Operation, OperationKind, OperationState } from "@hive-registry/client";
import type { JSX } from "preact";
import { durationText } from "../fleet-data/units.ts";
import { Icon } from "../ui/icon.tsx";
import { StatusDot, type Tone } from "../ui/parts.tsx";

export const KIND_WORDS: Readonly<Record<OperationKind, string>> = {
  add: "Add",
  install: "Install",
  start: "Start",
  stop: "Stop",
  restart: "Restart",
  update: "Update",
  uninstall: "Remove",
};

const TONES: Readonly<Record<OperationState, Tone>> = {
  running: "busy",
  succeeded: "good",
  failed: "bad",
  cancelled: "warn",
  interrupted: "warn",
};

export function OperationStateDot({ state }: { readonly state: OperationState }): JSX.Element {
  return <StatusDot tone={TONES[state]}>{state}</StatusDot>;
}

/** How long it took, or takes so far. */
export const tookText = (
  one: { readonly started_at_ms: number; readonly ended_at_ms?: number },
  nowMs: number,
): string => durationText(Math.max(0, (one.ended_at_ms ?? nowMs) - one.started_at_ms));

/** Each step with what came of it. */
export function Steps(props: { readonly operation: Operation; readonly nowMs: number }): JSX.Element {
  const { steps, state } = props.operation;
  return (
    <ol class="steps" aria-label="Steps">
      {steps.map((step, at) => {
        // The queen may have ended before a step did: then nobody knows.
        const isLost = step.state === "running" && state !== "running";
        const isLong = step.output_tail.includes("\n") || step.state === "failed";
        return (
          <li key={at} class={`step ${isLost ? "lost" : step.state}`}>
            <StepMark state={isLost ? "lost" : step.state} />
            <div class="stack">
              <p class="row spread">
                <b>{step.name}</b>
                <span class="small muted">{isLost ? "not finished" : tookText(step, props.nowMs)}</span>
              </p>
              {step.output_tail !== "" &&
                (isLong ? (
                  <pre class="commands wrap">{step.output_tail}</pre>
                ) : (
                  <p class="small muted wrap">{step.output_tail}</p>
                ))}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function StepMark({ state }: { readonly state: "running" | "succeeded" | "failed" | "lost" }): JSX.Element {
  const words = { running: "under way", succeeded: "done", failed: "failed", lost: "not finished" };
  return (
    <span class="step-mark">
      {state === "running" ? (
        <span class="spinner" />
      ) : (
        <Icon name={state === "succeeded" ? "check" : state === "failed" ? "close" : "stop"} />
      )}
      <span class="unseen">{words[state]}: </span>
    </span>
  );
}
