import type { Answer, Server } from "./server-engine.ts";

/** Questions without an answer after which nothing more is asked: what listens there does not speak HTTP. */
const SILENCES_MAX = 2;

/** A server that is asked each path once, however many engines want to know. For one recognition: its answers stay as they are. */
export interface AskedOnce extends Server {
  /** What it has answered so far. */
  answers(): readonly Answer[];
  /** It has been silent too often to be asked further. */
  isSilent(): boolean;
}

export function askedOnce(server: Server): AskedOnce {
  const asked = new Map<string, Promise<Answer | undefined>>();
  const answers: Answer[] = [];
  let silences = 0;
  const isSilent = (): boolean => silences >= SILENCES_MAX;
  const ask = async (path: string): Promise<Answer | undefined> => {
    const answer = await server.get(path);
    if (answer === undefined) silences += 1;
    else answers.push(answer);
    return answer;
  };
  return {
    url: server.url,
    async get(path) {
      const known = asked.get(path);
      if (known !== undefined) return await known;
      if (isSilent()) return undefined;
      const answer = ask(path);
      asked.set(path, answer);
      return await answer;
    },
    answers: () => answers,
    isSilent,
  };
}
