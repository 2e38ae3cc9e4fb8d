/** What a server's answer says of how it stands. No word of the server goes into a message: it may repeat the key. */
import { fieldsOf } from "./reading.ts";
import type { Answer, Probe } from "./server-engine.ts";

const UNKNOWN: Omit<Probe, "state"> = {
  models: [],
  slots_total: null,
  slots_busy: null,
  queue_depth: null,
  kv_cache_percent: null,
  version: null,
};

type Known = Partial<Omit<Probe, "state">>;

export const ready = (known: Known = {}): Probe => ({ ...UNKNOWN, ...known, state: "ready" });

export const loading = (known: Known = {}): Probe => ({
  ...{ ...UNKNOWN, message: "It loads its model", ...known, state: "loading" },
});

export const broken = (message: string, known: Known = {}): Probe => ({
  ...{ ...UNKNOWN, ...known, message, state: "broken" },
});

export const locked = (known: Known = {}): Probe => ({
  ...{ ...UNKNOWN, message: "It demands a key, or refuses the one that it was given", ...known, state: "locked" },
});

/** It answered well, and what it said is not what its kind says. */
export const unreadable = (path: string, known: Known = {}): Probe =>
  broken(`What it answers at ${path} is not what its kind answers there`, known);

export const isOk = (answer: Answer | undefined): boolean =>
  answer !== undefined && answer.status >= 200 && answer.status < 300;

/** The JSON of a good answer. */
export const jsonIn = (answer: Answer | undefined): unknown => (isOk(answer) ? answer?.json() : undefined);

/** The text of a good answer; empty where there is none. */
export const textIn = (answer: Answer | undefined): string => (isOk(answer) ? (answer?.text ?? "") : "");

export const isRefusal = (answer: Answer | undefined): boolean => answer?.status === 401 || answer?.status === 403;

/** All that vLLM and SGLang say without the key: an error that is a text, not an object. */
export const isBareRefusal = (answer: Answer | undefined): boolean =>
  answer?.status === 401 && fieldsOf(answer.json()).error === "Unauthorized";

/** A 503 that passes by itself, in the words of llama-server, LocalAI and their like. */
export const isLoading = (answer: Answer | undefined): boolean =>
  answer?.status === 503 && /\bloading\b|\bloaded\b|\bstarting\b/i.test(answer.text.slice(0, 1_000));

/** How a server stands that answered this with a failure; `undefined` when it is none. */
export function troubleIn(path: string, answer: Answer, known: Known = {}): Probe | undefined {
  if (isOk(answer)) return undefined;
  if (isRefusal(answer)) return locked(known);
  return isLoading(answer) ? loading(known) : broken(`It answers ${path} with status ${answer.status}`, known);
}
