import { findMembers, stringAt, withString } from "./json-members.ts";

/** Larger bodies are refused: as many bytes as the queen's gateway and the worker take. */
export const BODY_BYTES_MAX = 33_554_432;
/** Members in which prompts begin, by OpenAI's paths and Anthropic's, in the order in which a worker reads them. */
const PROMPT_MEMBERS = ["system", "instructions", "messages", "prompt", "query", "input"];
/** Of a prompt, so much tells it from others: more than that seldom decides. */
const PREFIX_CHARS_MAX = 16_384;

/** A request's body that can be sent again to another worker. */
export interface Payload {
  /** The model that it names, if it names one. */
  readonly model: string | undefined;
  /** What to send to a worker that knows the model as `model`. */
  bodyFor(model: string): BodyInit | undefined;
  /** Text that is equal where prompts begin alike; empty when there is none. */
  prefixKey(): string;
  /** What the runtime would have said of a body that it was not given itself. */
  readonly contentType: string | undefined;
}

const EMPTY: Payload = { model: undefined, contentType: undefined, bodyFor: () => undefined, prefixKey: () => "" };

/**
 * @returns undefined when it is larger than {@link BODY_BYTES_MAX}.
 */
export async function readPayload(body: BodyInit | null | undefined): Promise<Payload | undefined> {
  if (body === null || body === undefined) return EMPTY;
  if (typeof body === "string") return body.length > BODY_BYTES_MAX ? undefined : ofText(body, body);
  if (body instanceof FormData) return ofForm(body);
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer) return ofBytes(body, undefined);
  // A stream can be read once only, and a worker may fail after it was read.
  const whole = new Response(body);
  const bytes = await readAll(whole, BODY_BYTES_MAX);
  return bytes && ofBytes(bytes, whole.headers.get("content-type") ?? undefined);
}

function ofBytes(
  bytes: ArrayBuffer | ArrayBufferView<ArrayBuffer>,
  contentType: string | undefined,
): Payload | undefined {
  if (bytes.byteLength > BODY_BYTES_MAX) return undefined;
  return { ...ofText(new TextDecoder().decode(bytes), bytes), contentType };
}

/** @param unchanged what to send while the model keeps its name */
function ofText(text: string, unchanged: BodyInit): Payload {
  const span = findMembers(text, ["model"]).get("model");
  const named = stringAt(text, span);
  return {
    model: named,
    contentType: undefined,
    bodyFor: (model) => (span === undefined || model === named ? unchanged : withString(text, span, model)),
    prefixKey() {
      const spans = findMembers(text, PROMPT_MEMBERS);
      const parts = PROMPT_MEMBERS.map((name) => spans.get(name)).filter((one) => one !== undefined);
      return parts
        .map(({ from, to }) => text.slice(from, Math.min(to, from + PREFIX_CHARS_MAX)))
        .join("")
        .slice(0, PREFIX_CHARS_MAX);
    },
  };
}

/** As audio is sent: the model is a field of the form. */
function ofForm(form: FormData): Payload {
  const named = form.get("model");
  const model = typeof named === "string" ? named : undefined;
  return {
    model,
    contentType: undefined,
    prefixKey: () => "",
    bodyFor(name) {
      if (model === undefined || name === model) return form;
      const renamed = new FormData();
      for (const [key, value] of form) renamed.append(key, value);
      renamed.set("model", name);
      return renamed;
    },
  };
}

async function readAll(source: Response, bytesMax: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const reader = source.body?.getReader();
  for (let piece = await reader?.read(); piece?.value !== undefined; piece = await reader?.read()) {
    bytes += piece.value.byteLength;
    if (bytes > bytesMax) {
      reader?.cancel().catch(() => undefined);
      return undefined;
    }
    pieces.push(piece.value);
  }
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}
