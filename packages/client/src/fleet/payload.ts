import { findModel, withModel } from "./json-model.ts";

/** Larger bodies are refused: as many bytes as the queen's gateway and the worker take. */
export const BODY_BYTES_MAX = 33_554_432;

/** A request's body that can be sent again to another worker. */
export interface Payload {
  /** The model that it names, if it names one. */
  readonly model: string | undefined;
  /** What to send to a worker that knows the model as `model`. */
  bodyFor(model: string): BodyInit | undefined;
  /** What the runtime would have said of a body that it was not given itself. */
  readonly contentType: string | undefined;
}

const EMPTY: Payload = { model: undefined, contentType: undefined, bodyFor: () => undefined };

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
  const spot = findModel(text);
  return {
    model: spot?.model,
    contentType: undefined,
    bodyFor: (model) => (spot === undefined || spot.model === model ? unchanged : withModel(text, spot, model)),
  };
}

/** As audio is sent: the model is a field of the form. */
function ofForm(form: FormData): Payload {
  const named = form.get("model");
  const model = typeof named === "string" ? named : undefined;
  return {
    model,
    contentType: undefined,
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
  for await (const piece of source.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > bytesMax) return undefined;
    pieces.push(piece);
  }
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}
