import type { Candidate, Explanation, Policy, Reason } from "@hive-registry/client";
import type { JSX } from "preact";
import { href } from "../app/router.ts";
import { durationText, percentText, UNKNOWN } from "../fleet-data/units.ts";
import { StatusDot, type Tone } from "../ui/parts.tsx";
import { type Column, Table } from "../ui/table.tsx";
import type { Answerer } from "./ask.ts";

/** What the score of each policy is. Rule: `Policy` of the registry. */
const RULES: Readonly<Record<Policy, string>> = {
  best: "the lowest score wins: the share of its slots in use, or of its GPU by others, in %",
  "least-load": "the lowest score wins: the share of its slots in use",
  "power-of-two": "the lower score of two at random wins: the share of their slots in use",
  "round-robin": "the lowest score wins: whose last turn is longest ago",
  session: "the lowest score wins: how far it is from the session's own worker, if there is one",
  prefix: "the lowest score wins: the share of its slots in use, less where the prompt is known",
};

const WORDS: Readonly<Record<Reason, string>> = {
  no_url: "has no URL",
  loading: "loads its model",
  draining: "takes nothing new",
  hive_silent: "its hive is silent",
  hive_suspect: "its hive is suspect",
  other_hive: "on another hive",
  other_backend: "another backend",
  other_label: "its hive lacks a label",
  excluded: "excluded",
  set_aside: "failed lately",
  no_room: "full",
  outscored: "another one is better",
};

const TONES: Readonly<Partial<Record<Reason, Tone>>> = {
  no_room: "busy",
  loading: "busy",
  set_aside: "bad",
  hive_silent: "bad",
  hive_suspect: "warn",
};

/** Why a worker was or was not chosen, in words. */
export function whyText(candidate: Candidate, nowMs: number): string {
  const { reason, set_aside_until_ms: untilMs, requests, slots } = candidate;
  const words = () => {
    if (reason === undefined) return "the best one";
    if (reason === "no_room" && slots !== undefined && slots > 0) return `full: ${requests ?? slots} of ${slots}`;
    if (reason !== "set_aside" || untilMs === undefined) return WORDS[reason];
    return untilMs > nowMs
      ? `failed lately, tried again in ${durationText(untilMs - nowMs)}`
      : "failed, being tried again";
  };
  return candidate.degraded === true ? `${words()}; degraded` : words();
}

/** Whom the queen would have chosen a moment before the request, and what spoke against the others. */
export function Why(props: {
  readonly explanation: Explanation;
  readonly answerer: Answerer | undefined;
  readonly nowMs: number;
}): JSX.Element {
  const { explanation, answerer, nowMs } = props;
  const { chosen, policy, candidates, left_out: leftOut, model, resolved } = explanation;
  const isOther =
    chosen !== undefined &&
    answerer?.worker_id !== undefined &&
    (chosen.worker_id !== answerer.worker_id || chosen.hive_id !== answerer.hive_id);
  const means = resolved.filter((name) => name !== model);
  return (
    <div class="stack why">
      <p class="small muted">
        Policy <b>{policy}</b>: {RULES[policy]}.{means.length > 0 && ` ${model} means ${means.join(", ")}.`}
        {isOther && ` A moment before, ${chosen.worker_id} was the best; by the time of the request another one was.`}
      </p>
      {candidates.length === 0 ? (
        <p class="small">No worker has it.</p>
      ) : (
        <Table
          label={`Workers of ${model}, best first`}
          columns={columnsAt(nowMs)}
          rows={candidates}
          rowKey={({ hive_id, worker_id, model: name }) => `${hive_id}/${worker_id}/${name}`}
        />
      )}
      {leftOut > 0 && <p class="small muted">and {leftOut} more</p>}
    </div>
  );
}

const columnsAt = (nowMs: number): readonly Column<Candidate>[] => [
  {
    title: "Worker",
    cell: ({ hive_id, worker_id }) => (
      <span class="wrap">
        <a href={href.worker(hive_id, worker_id)}>{worker_id}</a> <span class="muted">on {hive_id}</span>
      </span>
    ),
  },
  { title: "Load", isNumber: true, cell: ({ load }) => percentText(load === undefined ? undefined : load * 100) },
  { title: "Requests", isNumber: true, cell: ({ requests, slots }) => `${requests ?? UNKNOWN} of ${slots ?? UNKNOWN}` },
  {
    title: "Score",
    isNumber: true,
    cell: ({ score }) => (score === undefined ? UNKNOWN : Math.round(score * 100) / 100),
  },
  {
    title: "Why",
    cell: (candidate) => (
      <StatusDot tone={candidate.reason === undefined ? "good" : (TONES[candidate.reason] ?? "muted")}>
        {whyText(candidate, nowMs)}
      </StatusDot>
    ),
  },
];
