import type { IncomingHttpHeaders } from "node:http";
import { ID_LENGTH_MAX, MODEL_LENGTH_MAX } from "@hive-registry/contract/names";
import { type Labels, POLICIES, type Policy } from "hive-registry";
import { Refusal } from "./failures.ts";
import { type Members, memberFinder, type Span } from "./json-members.ts";
import { INFERENCE_PATHS, type InferencePath } from "./paths.ts";

/** How a client wants to reach the worker, other than through the gateway. */
export type Direct = "redirect" | "x-accel";

/** What is wanted of a worker, beside its model. */
export interface Wish {
  readonly policy?: Policy;
  readonly session?: string;
  readonly prefix_key?: string;
  readonly backend?: string;
  readonly hive_id?: string;
  readonly labels?: Labels;
}

/** One request of a client, read. */
export interface Question {
  readonly path: InferencePath;
  /** Path and query, as they were asked for. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly model: string;
  /** Where the model's name lies in the body. */
  readonly modelSpan: Span;
  readonly stream: boolean;
  readonly wish: Wish;
  /** Only this worker will do: `WORKER`, or `HIVE/WORKER`. */
  readonly pin: string | undefined;
  readonly direct: Direct | undefined;
  /** A reservation of the same client at a worker that failed it: see x-accel. */
  readonly failedReservation: string | undefined;
}

/** Of a prompt, so much tells it from others: more than that seldom decides. */
const PREFIX_BYTES_MAX = 16_384;
const SESSION_LENGTH_MAX = 512;
const LABELS_MAX = 32;
const HEADER_LENGTH_MAX = 2_048;

const NAMES = ["model", "stream"];
const findModel = memberFinder(NAMES);
const findersWithPrompt: ReadonlyMap<InferencePath, (json: Buffer) => Members | undefined> = new Map(
  INFERENCE_PATHS.map((path) => [path, memberFinder([...NAMES, ...path.promptMembers])]),
);

/**
 * Reads what the gateway has to know; of the body only the model's name and whether a stream is wanted.
 *
 * @throws {Refusal} `INVALID_JSON`, `INVALID_REQUEST`
 */
export function readQuestion(
  path: InferencePath,
  request: { readonly target: string; readonly headers: IncomingHttpHeaders; readonly rawHeaders: readonly string[] },
  body: Buffer,
  defaults: { readonly policy: Policy },
): Question {
  const { headers } = request;
  const policy = policyIn(headers);
  const wantsPrefix = (policy ?? defaults.policy) === "prefix";
  const members = (wantsPrefix ? findersWithPrompt.get(path) : findModel)?.(body);
  if (members === undefined) throw new Refusal("INVALID_JSON", "The body is not a JSON object");
  const modelSpan = onlyOne(members.get("model"), "model");
  if (modelSpan === undefined) throw new Refusal("INVALID_REQUEST", "model is missing", "model");
  const stream = onlyOne(members.get("stream"), "stream");
  const prompt = wantsPrefix ? path.promptMembers.flatMap((name) => members.get(name) ?? []) : [];
  return {
    path,
    target: request.target,
    headers,
    rawHeaders: request.rawHeaders,
    body,
    model: modelIn(body, modelSpan),
    modelSpan,
    stream: stream !== undefined && body.toString("latin1", stream.start, stream.end) === "true",
    wish: wishIn(headers, policy, beginningOf(body, prompt)),
    pin: textIn(headers, "x-hive-worker", 2 * ID_LENGTH_MAX + 1),
    direct: directIn(headers),
    failedReservation: textIn(headers, "x-hive-failed", ID_LENGTH_MAX),
  };
}

/** The body for a worker that knows the model under another name. */
export function withModel({ body, modelSpan }: Question, model: string): Buffer {
  return Buffer.concat([
    body.subarray(0, modelSpan.start),
    Buffer.from(JSON.stringify(model)),
    body.subarray(modelSpan.end),
  ]);
}

function wishIn(headers: IncomingHttpHeaders, policy: Policy | undefined, prefixKey: string): Wish {
  const wish: { -readonly [Field in keyof Wish]: Wish[Field] } = {};
  const session = textIn(headers, "x-hive-session", SESSION_LENGTH_MAX);
  const backend = textIn(headers, "x-hive-backend", ID_LENGTH_MAX);
  const hiveId = textIn(headers, "x-hive-id", ID_LENGTH_MAX);
  const labels = labelsIn(headers);
  // Who names a session wants to meet the same worker again.
  if (session !== undefined) wish.policy = "session";
  if (policy !== undefined) wish.policy = policy;
  if (session !== undefined) wish.session = session;
  if (prefixKey !== "") wish.prefix_key = prefixKey;
  if (backend !== undefined) wish.backend = backend;
  if (hiveId !== undefined) wish.hive_id = hiveId;
  if (labels !== undefined) wish.labels = labels;
  return wish;
}

function policyIn(headers: IncomingHttpHeaders): Policy | undefined {
  const text = headers["x-hive-policy"];
  if (text === undefined) return undefined;
  const policy = POLICIES.find((one) => one === text);
  if (policy === undefined) {
    throw new Refusal("INVALID_REQUEST", `x-hive-policy must be one of ${POLICIES.join(", ")}`, "x-hive-policy");
  }
  return policy;
}

function directIn(headers: IncomingHttpHeaders): Direct | undefined {
  const text = headers["x-hive-direct"];
  if (text === undefined || text === "no") return undefined;
  if (text === "redirect" || text === "x-accel") return text;
  throw new Refusal("INVALID_REQUEST", "x-hive-direct must be redirect, x-accel or no", "x-hive-direct");
}

/** `gpu=a100,zone=eu` */
function labelsIn(headers: IncomingHttpHeaders): Labels | undefined {
  const text = textIn(headers, "x-hive-labels", HEADER_LENGTH_MAX);
  if (text === undefined) return undefined;
  const parts = text.split(",").map((part) => part.trim());
  const pairs = parts.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)] as const);
  if (parts.length > LABELS_MAX || parts.some((part) => part.indexOf("=") < 1)) {
    throw new Refusal("INVALID_REQUEST", `x-hive-labels must be up to ${LABELS_MAX} of NAME=VALUE`, "x-hive-labels");
  }
  return Object.fromEntries(pairs);
}

function textIn(headers: IncomingHttpHeaders, name: string, lengthMax: number): string | undefined {
  const text = headers[name];
  if (typeof text !== "string" || text === "") return undefined;
  if (text.length > lengthMax) {
    throw new Refusal("INVALID_REQUEST", `${name} must have at most ${lengthMax} characters`, name);
  }
  return text;
}

function onlyOne(spans: readonly Span[] | undefined, name: string): Span | undefined {
  if (spans === undefined || spans.length === 1) return spans?.[0];
  throw new Refusal("INVALID_REQUEST", `${name} stands there more than once`, name);
}

function modelIn(body: Buffer, { start, end }: Span): string {
  const model = end - start > 6 * MODEL_LENGTH_MAX ? undefined : parsed(body.toString("utf8", start, end));
  if (typeof model === "string" && model !== "" && model.length <= MODEL_LENGTH_MAX) return model;
  const must = `model must be a text of 1 to ${MODEL_LENGTH_MAX} characters`;
  throw new Refusal("INVALID_REQUEST", must, "model");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Bytes that are equal where prompts begin alike. Empty when there are none. */
function beginningOf(body: Buffer, spans: readonly Span[]): string {
  if (spans.length === 0) return "";
  let left = PREFIX_BYTES_MAX;
  const parts: string[] = [];
  for (const { start, end } of spans) {
    if (left <= 0) break;
    const part = body.toString("latin1", start, Math.min(end, start + left));
    left -= part.length;
    parts.push(part);
  }
  return parts.join("");
}
