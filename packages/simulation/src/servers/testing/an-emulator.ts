import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { onTestFinished } from "vitest";
import { type Emulator, type EmulatorOptions, startEmulator } from "../emulator.ts";
import type { EmulatorKind } from "../kinds/kinds.ts";

/** An emulator that ends with the test. */
export async function anEmulator(kind: EmulatorKind, options: EmulatorOptions = {}): Promise<Emulator> {
  const emulator = await startEmulator(kind, options);
  onTestFinished(() => emulator.stop());
  return emulator;
}

/** For ever at the first token; ends when the emulator does. */
export const NEVER = (): Promise<void> => new Promise(() => undefined);

export const QUESTION = { model: "model", messages: [{ role: "user", content: "Who is the queen?" }] };

export const post = (
  emulator: { readonly url: string },
  path: string,
  body: object,
  init: RequestInit = {},
): Promise<Response> => fetch(emulator.url + path, { method: "POST", body: JSON.stringify(body), ...init });

export const ask = (emulator: { readonly url: string }, body: object = QUESTION): Promise<Response> =>
  post(emulator, "/v1/chat/completions", body);

/** What `GET` gets, as JSON where it is that. */
export async function look(
  emulator: { readonly url: string },
  path: string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string; readonly json: unknown }> {
  const response = await fetch(emulator.url + path, { headers, redirect: "manual" });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A request that is left to run: what it got so far, and how to leave it. */
export function begin(
  emulator: { readonly url: string },
  body: object = QUESTION,
): {
  readonly sent: ClientRequest;
  readonly received: () => string;
  readonly response: Promise<IncomingMessage>;
} {
  const sent = request(`${emulator.url}/v1/chat/completions`, { method: "POST" });
  let received = "";
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (one: IncomingMessage) => {
      one.on("error", () => undefined);
      one.setEncoding("utf8").on("data", (piece: string) => {
        received += piece;
      });
      resolve(one);
    });
  });
  // It is cut when the emulator ends.
  response.catch(() => undefined);
  sent.end(JSON.stringify(body));
  return { sent, response, received: () => received };
}
