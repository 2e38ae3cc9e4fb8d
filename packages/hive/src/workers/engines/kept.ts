import type { Answer, Server } from "./server-engine.ts";
import { isOk } from "./standing.ts";

/** Probes that a fact serves before it is asked anew. */
export const KEPT_FOR_PROBES = 10;
/** A longer answer is not kept; a library of a thousand models is shorter. */
const KEPT_CHARS_MAX = 512 * 1024;

/** Facts about servers that seldom change. Each serves some probes, and none outlives its server. */
export class Kept<T> {
  readonly #facts = new WeakMap<Server, Map<string, { readonly fact: T; left: number }>>();

  take(server: Server, name: string): T | undefined {
    const kept = this.#facts.get(server)?.get(name);
    if (kept === undefined || kept.left === 0) return undefined;
    kept.left -= 1;
    return kept.fact;
  }

  put(server: Server, name: string, fact: T): void {
    const facts = this.#facts.get(server) ?? new Map<string, { readonly fact: T; left: number }>();
    this.#facts.set(server, facts.set(name, { fact, left: KEPT_FOR_PROBES }));
  }

  forget(server: Server): void {
    this.#facts.delete(server);
  }
}

const answers = new Kept<Answer>();

/**
 * Asks what seldom changes: a version, a library on a disk. The server is bothered with it only now and then. Failures are
 * not kept.
 */
export async function askSeldom(server: Server, path: string): Promise<Answer | undefined> {
  const kept = answers.take(server, path);
  if (kept !== undefined) return kept;
  const answer = await server.get(path);
  if (answer !== undefined && isOk(answer) && answer.text.length <= KEPT_CHARS_MAX) answers.put(server, path, answer);
  return answer;
}

/** The question whose silence means that the server is away. What comes back there may be another one. */
export async function askFirst(server: Server, path: string): Promise<Answer | undefined> {
  const answer = await server.get(path);
  if (answer === undefined) answers.forget(server);
  return answer;
}
