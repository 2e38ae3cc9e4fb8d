import type { IncomingMessage, ServerResponse } from "node:http";
import type { Body } from "./dialects.ts";

/** As large as what the gateway lets through. */
export const BODY_BYTES_MAX: number = 32 * 1_048_576;

/** Undefined when the client left first. Of what is too large the beginning is kept: enough to know that it is. */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes <= BODY_BYTES_MAX + piece.length) pieces.push(piece);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces);
}

/** Undefined for anything but a JSON object. */
export function parseBody(raw: Buffer): Body | undefined {
  try {
    const value: unknown = JSON.parse(raw.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}

export function sendJson(response: ServerResponse, status: number, value: object): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
