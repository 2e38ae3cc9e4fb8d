import type { ErrorBody } from "../errors.ts";
import type { Usage } from "../http/replies.ts";

export interface ChatAnswer {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly [
    { readonly message: { readonly role: string; readonly content: string }; readonly finish_reason: string },
  ];
  readonly usage: Usage;
}

export interface Chunk {
  readonly object: string;
  readonly choices: readonly {
    readonly delta: { readonly role?: string; readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: Usage | null;
}

export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export function aQuestion(text = "What is this?", more: object = {}): object {
  return { messages: [{ role: "user", content: text }], temperature: 0, ...more };
}

/** Asks and reads the whole answer; throws when it is none. */
export async function chat(url: string, body: object): Promise<ChatAnswer> {
  const response = await post(`${url}/v1/chat/completions`, body);
  const answer = (await response.json()) as ChatAnswer | ErrorBody;
  if ("error" in answer) throw new Error(`${response.status} ${answer.error.message}`);
  return answer;
}

export function said(answer: ChatAnswer): string {
  return answer.choices[0].message.content;
}

export async function failure(response: Response): Promise<ErrorBody["error"] & { readonly status: number }> {
  return { status: response.status, ...((await response.json()) as ErrorBody).error };
}

/** The `data:` payloads of an event stream, as texts. */
export async function events(response: Response): Promise<string[]> {
  return (await response.text())
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => event.slice("data: ".length));
}

export async function stream(
  url: string,
  body: object,
): Promise<{ readonly chunks: Chunk[]; readonly text: string; readonly last: string }> {
  const all = await events(await post(`${url}/v1/chat/completions`, { ...body, stream: true }));
  const last = all.at(-1) ?? "";
  const chunks = all.slice(0, -1).map((data) => JSON.parse(data) as Chunk);
  return { chunks, text: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), last };
}

/** Looks until it is so; fails after a generous time instead of hanging. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, withinMs = 15_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
