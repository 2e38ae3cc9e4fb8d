import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { answerTo } from "../fleet/answer.ts";
import { BODY_BYTES_MAX, parseBody, readBody } from "../fleet/bodies.ts";
import type { Body, Dialect } from "../fleet/dialects.ts";
import type { Fault } from "../fleet/fault.ts";
import { speak, streamOf } from "../fleet/speak.ts";
import { takeTurn } from "../fleet/turn.ts";
import type { Condition } from "./condition.ts";
import type { Kind, Reply, Situation } from "./kind.ts";
import type { EmulatorFault, EmulatorOrder } from "./order.ts";

const FAILURE = "The model has crashed";
const DONE = "data: [DONE]\n\n";
const GARBAGE = '{"object":"list","data":[{"id":';

export interface ServeDeps {
  readonly kind: Kind;
  readonly condition: Condition;
  readonly url: string;
  /** What a request makes of the server. */
  readonly control: (order: EmulatorOrder) => void;
}

export interface ServeOptions {
  readonly models: readonly string[];
  readonly key: string | undefined;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
  readonly answerTokens: number;
  readonly beforeToken: ((at: number) => Promise<void>) | undefined;
}

export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** A `POST`. */
interface Work extends Omit<Asked, "query"> {
  /** Of an inference. */
  readonly dialect: Dialect | undefined;
  /** What goes wrong in its midst. */
  readonly fault: EmulatorFault | undefined;
}

/** Answers one request as the kind does. */
export async function serve(
  deps: ServeDeps,
  { request, response, path, query }: Asked,
  options: ServeOptions,
): Promise<void> {
  const { kind, condition } = deps;
  const { method = "GET" } = request;
  for (const [name, value] of Object.entries(kind.headers ?? {})) response.setHeader(name, value);
  await condition.pause(condition.lateMs + (kind.late?.[path] ?? 0));

  const dialect = method === "POST" && Object.hasOwn(kind.inference, path) ? kind.inference[path] : undefined;
  const fault = condition.drawFault(path);
  // An inference can break in the middle; anything else only at once.
  if (fault !== undefined && (dialect === undefined || fault.after_tokens === undefined)) {
    return misbehave(response, kind, fault);
  }
  const isTrusted = options.key === undefined || keyOf(request.headers, kind) === options.key;
  const situation = condition.situation(deps.url, isTrusted);
  const refusal = refusalOf(deps, situation, path, method);
  if (refusal !== undefined) return send(response, refusal);
  if (method === "POST" && (dialect !== undefined || Object.hasOwn(kind.post ?? {}, path))) {
    return await take(deps, { request, response, path, dialect, fault }, options);
  }
  const answer = isQuestion(method) && Object.hasOwn(kind.get, path) ? kind.get[path] : undefined;
  send(response, answer?.(situation, query) ?? kind.notFound(method, path));
}

export function send(response: ServerResponse, { status, headers = {}, body }: Reply): void {
  const text = typeof body === "object" ? JSON.stringify(body) : (body ?? "");
  const type = typeof body === "object" ? "application/json" : "text/plain; charset=utf-8";
  response.writeHead(status, {
    ...(body !== undefined && { "content-type": type }),
    ...headers,
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

const isQuestion = (method: string): boolean => method === "GET" || method === "HEAD";

function keyOf({ authorization, "x-api-key": key }: IncomingHttpHeaders, kind: Kind): string | undefined {
  if (authorization !== undefined) return authorization.replace(/^Bearer /i, "");
  return kind.takesApiKeyHeader === true && typeof key === "string" ? key : undefined;
}

function refusalOf(
  { kind, condition }: ServeDeps,
  situation: Situation,
  path: string,
  method: string,
): Reply | undefined {
  const gated = kind.gate?.(situation, path);
  if (gated !== undefined) return gated;
  if (!situation.is_trusted && kind.locks(path)) return kind.unauthorized;
  return condition.isWithout(path) ? (kind.off?.[path] ?? kind.notFound(method, path)) : undefined;
}

/** Does a deed of the kind, or an inference. */
async function take(deps: ServeDeps, work: Work, options: ServeOptions): Promise<void> {
  const { kind, condition, url } = deps;
  const { request, response, path, dialect, fault } = work;
  const raw = await readBody(request);
  if (raw === undefined) return;
  if (raw.length > BODY_BYTES_MAX) return send(response, kind.fail(413, "The body is too large"));
  const body = raw.length === 0 ? {} : parseBody(raw);
  if (body === undefined) return send(response, kind.fail(400, "The body is not a JSON object"));
  const model = typeof body.model === "string" ? body.model : (options.models[0] ?? "");
  const isKnown = options.models.some((one) => one === model || kind.isCalled?.(one, model));
  const unknown = isKnown ? undefined : kind.unknownModel?.(model);
  if (unknown !== undefined) return send(response, unknown);
  const deed = kind.post?.[path]?.(body, condition.situation(url, true));
  if (deed !== undefined) {
    if (deed.order !== undefined) deps.control(deed.order);
    return send(response, deed.reply);
  }
  if (dialect === undefined) return send(response, kind.notFound("POST", path));
  if (condition.state === "broken") return send(response, kind.fail(500, FAILURE));
  // What is sent in one piece cannot fail in its midst.
  if (fault?.kind === "error" && streamOf(dialect, body) === undefined) return misbehave(response, kind, fault);
  infer(deps, { response, body, model, dialect, fault }, options);
}

/** Runs it as soon as there is a slot and the model is loaded. */
function infer(
  { kind, condition }: ServeDeps,
  work: Pick<Work, "response" | "fault"> & { readonly body: Body; readonly model: string; readonly dialect: Dialect },
  { answerTokens, firstTokenMs, tokensPerSecond, beforeToken }: ServeOptions,
): void {
  const { response, body, model, fault } = work;
  const asked = { model, prompt: work.dialect.prompt(body), tokensMax: work.dialect.tokensMax(body) };
  const whole = answerTo(asked, { answerTokens });
  const fails = fault?.kind === "error";
  const answer = fails ? { ...whole, tokens: whole.tokens.slice(0, fault.after_tokens) } : whole;
  const dialect = dialectOf(work.dialect, kind, fails);
  const pace = { firstTokenMs, tokenMs: 1_000 / tokensPerSecond, fault: faultOfAnswer(fault), beforeToken };
  const isTaken = takeTurn(
    { slots: condition.slots, response },
    {
      answer: async (signal) => {
        await condition.wake(model, signal);
        return signal.aborted ? "left" : speak({ response, dialect, body, answer, signal }, pace);
      },
      ended: (how) => {
        if (how === "completed" && !fails) condition.countAnswer(answer.promptTokens, answer.tokens.length);
      },
    },
  );
  if (isTaken) return;
  condition.countOverload();
  send(response, kind.overloaded);
}

/** As the kind streams it: with its comment, and where it fails with its failure in place of the end. */
function dialectOf(dialect: Dialect, kind: Kind, fails: boolean): Dialect {
  const { stream } = dialect;
  if (stream === undefined) return dialect;
  // Lines of JSON have neither comments nor `[DONE]`.
  const isEvents = stream.type === undefined;
  const failure = JSON.stringify(kind.fail(500, FAILURE).body);
  const end = kind.endsFailedStreams === true ? DONE : "";
  return {
    ...dialect,
    stream: {
      ...stream,
      first: (answer) => stream.first(answer) + (isEvents ? (kind.comment ?? "") : ""),
      ...(fails && { last: () => (isEvents ? `data: ${failure}\n\n${end}` : `${failure}\n`) }),
    },
  };
}

function misbehave(response: ServerResponse, kind: Kind, fault: EmulatorFault): void {
  if (fault.kind === "hang") return;
  if (fault.kind === "cut") response.socket?.resetAndDestroy();
  else if (fault.kind === "error") send(response, kind.fail(fault.status ?? 500, FAILURE));
  else if (fault.kind === "refuse") send(response, { status: fault.status ?? 500, body: "out of honey" });
  else send(response, { status: 200, headers: { "content-type": "application/json" }, body: GARBAGE });
}

/** As those who speak answers know it. */
function faultOfAnswer(fault: EmulatorFault | undefined): Fault | undefined {
  if (fault?.kind !== "hang" && fault?.kind !== "cut") return undefined;
  return { kind: fault.kind === "cut" ? "die" : "hang", after_tokens: fault.after_tokens ?? 0 };
}
