import type { IncomingMessage } from "node:http";
import type { HiveError } from "@hive-registry/contract";
import { bodyFailure } from "./failures.ts";

const JSON_TYPE = /^application\/json[ \t]*(?:;|$)/i;
const BYTE_ORDER_MARK = 0xfeff;

/**
 * Reads a body of JSON and hands over its value, or what is wrong with it: `UNSUPPORTED_MEDIA_TYPE`, `BODY_TOO_LARGE` (what
 * is left of the body is then not read), `INVALID_JSON`. No body at all is `undefined`. Calls neither when the client leaves
 * before the end.
 */
export function readJson(
  request: IncomingMessage,
  options: { readonly bytesMax: number },
  taken: (value: unknown) => void,
  refused: (error: HiveError) => void,
): void {
  const { bytesMax } = options;
  const { headers } = request;
  const type = headers["content-type"];
  const length = headers["content-length"];
  if (type === undefined && (length ?? "0") === "0" && headers["transfer-encoding"] === undefined) {
    taken(undefined);
    return;
  }
  if (type !== "application/json" && (type === undefined || !JSON_TYPE.test(type))) {
    refused(bodyFailure("UNSUPPORTED_MEDIA_TYPE"));
    return;
  }
  if (Number(length ?? 0) > bytesMax) {
    refused(bodyFailure("BODY_TOO_LARGE"));
    return;
  }
  const chunks: Buffer[] = [];
  let received = 0;
  request.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received <= bytesMax) {
      chunks.push(chunk);
      return;
    }
    request.removeAllListeners("data").removeAllListeners("end");
    refused(bodyFailure("BODY_TOO_LARGE"));
  });
  request.on("end", () => {
    const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, received);
    let value: unknown;
    try {
      value = parseJson(bytes.toString());
    } catch (error) {
      refused(error as HiveError);
      return;
    }
    taken(value);
  });
}

/**
 * The value, as `JSON.parse` has it.
 *
 * @throws {HiveError} `INVALID_JSON`, also for what would turn an object into another where a program copies its fields
 *   carelessly: a field `__proto__`, or `constructor` with a `prototype`.
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text);
  } catch {
    throw bodyFailure("INVALID_JSON");
  }
  // Looking for letters is cheaper than looking at fields: both poisons have these five, unless an escape hides one.
  const isSuspect = text.includes("proto") || text.includes("\\u");
  if (isSuspect && isPoisoned(value)) throw bodyFailure("INVALID_JSON");
  return value;
}

/** Without recursion: what came may be nested deeper than the stack. */
function isPoisoned(value: unknown): boolean {
  const waiting = [value].filter(isRecord);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (Object.hasOwn(next, "__proto__")) return true;
    const { constructor: made } = next;
    if (isRecord(made) && Object.hasOwn(made, "prototype")) return true;
    for (const field of Object.values(next)) if (isRecord(field)) waiting.push(field);
  }
  return false;
}

const isRecord = (value: unknown): value is object => typeof value === "object" && value !== null;
