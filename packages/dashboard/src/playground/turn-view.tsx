import type { JSX } from "preact";
import { href } from "../app/router.ts";
import { countText, durationText, rateText } from "../fleet-data/units.ts";
import { Badge } from "../ui/parts.tsx";
import { ErrorBox, Spinner } from "../ui/states.tsx";
import type { Turn } from "./conversation.ts";
import { Why } from "./why.tsx";

/** What was asked, what came, from whom and why. All of it is text, whatever it looks like. */
export function TurnView({ turn, nowMs }: { readonly turn: Turn; readonly nowMs: number }): JSX.Element {
  const { question, answer, reasoning, state, error, explanation, answerer } = turn;
  return (
    <li class="turn stack">
      <div class="said by-you">
        <span class="unseen">You asked: </span>
        {question}
      </div>
      <div class="stack answer">
        {reasoning !== "" && (
          <details class="small" open={answer === "" && state === "answering"}>
            <summary class="muted">Its thoughts</summary>
            <div class="said muted">{reasoning}</div>
          </details>
        )}
        {answer !== "" && (
          <div class="said">
            <span class="unseen">{turn.model} answered: </span>
            {answer}
          </div>
        )}
        {state === "asking" && <Spinner>Waiting for a worker …</Spinner>}
        {state === "stopped" && <p class="small muted">Stopped. The worker was told at once.</p>}
        {turn.finish_reason === "length" && <p class="small muted">Cut at the most tokens that it may have.</p>}
        {state === "failed" && (
          <ErrorBox title={failureTitle(error?.code)} error={error}>
            <p class="small">{failureAdvice(error?.code)}</p>
          </ErrorBox>
        )}
        <Told turn={turn} />
        {explanation !== undefined && (
          <details class="small">
            <summary>{answerer === undefined ? "Who could answer" : "Why this worker"}</summary>
            <Why explanation={explanation} answerer={answerer} nowMs={nowMs} />
          </details>
        )}
      </div>
    </li>
  );
}

/** In a line: by whom, and how fast. */
function Told({ turn: { answerer, speed } }: { readonly turn: Turn }): JSX.Element | null {
  if (answerer?.hive_id === undefined || answerer.worker_id === undefined) return null;
  return (
    <p class="row small told">
      <span class="wrap">
        <a href={href.worker(answerer.hive_id, answerer.worker_id)}>{answerer.worker_id}</a>{" "}
        <span class="muted">on</span> <a href={href.hive(answerer.hive_id)}>{answerer.hive_id}</a>
      </span>
      {answerer.queue_ms !== undefined && answerer.queue_ms > 0 && (
        <Badge>waited {durationText(answerer.queue_ms)}</Badge>
      )}
      {speed?.first_token_ms !== undefined && <Badge>first token {durationText(speed.first_token_ms)}</Badge>}
      {speed?.tokens_per_second !== undefined && <Badge>{rateText(speed.tokens_per_second)} tokens/s</Badge>}
      {speed !== undefined && <Badge>{countText(speed.tokens)} tokens</Badge>}
    </p>
  );
}

function failureTitle(code: string | undefined): string {
  if (code === "model_not_found") return "No worker has this model";
  if (code === "no_worker" || code === "NO_WORKER") return "No worker can take this now";
  if (code === "QUEEN_UNREACHABLE") return "The queen does not answer";
  return "It did not work";
}

function failureAdvice(code: string | undefined): string {
  if (code === "model_not_found")
    return "Choose one of the list, or start a worker that has it: hive worker start MODEL";
  if (code === "no_worker" || code === "NO_WORKER")
    return "All places are taken, or the workers are away. Ask again in a moment.";
  if (code === "QUEEN_UNREACHABLE") return "What was said stays here; ask again when it is back.";
  if (code === "STREAM_CUT") return "What came so far stands above. Ask again for the rest.";
  return "What was said stays here; you may ask again.";
}
