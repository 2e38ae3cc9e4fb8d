import type { Candidate, Policy, Reason } from "@hive-registry/client";
import type { Column } from "../output/table.ts";
import { duration, percent } from "../output/units.ts";

/** What the score of each policy is, in a sentence. Rule: `Policy` of the registry. */
export const RULES: Readonly<Record<Policy, string>> = {
  best: "the lowest score wins: the share of its slots in use, or of its GPU by others, in %.",
  "least-load": "the lowest score wins: the share of its slots in use.",
  "power-of-two": "the lower score of two at random wins: the share of their slots in use.",
  "round-robin": "the lowest score wins: whose last turn is longest ago.",
  session: "the lowest score wins: how far it is from the session's own worker, if there is one.",
  prefix: "the lowest score wins: the share of its slots in use, less 0.5 where the prompt is known.",
};

const WORDS: Readonly<Record<Exclude<Reason, "set_aside" | "no_room">, string>> = {
  no_url: "has no URL",
  loading: "loads its model",
  draining: "takes nothing new",
  hive_silent: "its hive is silent",
  hive_suspect: "its hive is suspect",
  other_hive: "on another hive",
  other_backend: "another backend",
  other_label: "its hive lacks a label",
  excluded: "excluded",
  outscored: "outscored",
};

/** Why it was not chosen, in words. */
export function why({ reason, requests, slots, set_aside_until_ms, degraded }: Candidate, nowMs: number): string {
  const words = () => {
    if (reason === undefined) return "chosen";
    if (reason === "no_room") return slots === 0 ? "busy" : `full: ${requests ?? "?"} of ${slots ?? "?"}`;
    if (reason !== "set_aside") return WORDS[reason];
    const leftMs = (set_aside_until_ms ?? nowMs) - nowMs;
    return leftMs > 0 ? `failed; tried again in ${duration(leftMs + 999)}` : "failed; is being tried again";
  };
  return degraded === true ? `${words()}, degraded` : words();
}

/** @param show `load`: also how full each one is. */
export function columns(nowMs: number, show: { readonly load: boolean }): Column<Candidate>[] {
  const load: Column<Candidate>[] = [
    { title: "LOAD", align: "right", value: (one) => percent(one.load === undefined ? undefined : 100 * one.load) },
    { title: "REQUESTS", align: "right", value: ({ requests }) => requests },
    { title: "SLOTS", align: "right", value: ({ slots }) => slots },
  ];
  return [
    { title: "", value: ({ reason }) => (reason === undefined ? "→" : "") },
    { title: "WORKER", value: ({ worker_id }) => worker_id, shrinks: true },
    { title: "HIVE", value: ({ hive_id }) => hive_id, shrinks: true },
    { title: "MODEL", value: ({ model }) => model, shrinks: true },
    { title: "SCORE", align: "right", value: ({ score }) => (score === undefined ? undefined : rounded(score)) },
    ...(show.load ? load : []),
    { title: "WHY", value: (one) => why(one, nowMs), shrinks: true },
  ];
}

const rounded = (score: number): number => Math.round(score * 100) / 100;
