import type { Ran, Run } from "../run.ts";

/** What a program answers: text, a whole answer, or nothing ever. */
export type Plays = Readonly<Record<string, string | Ran | "hangs">>;

export interface FakeRun {
  readonly run: Run;
  /** From now on. */
  play(plays: Plays): void;
  /** Every call so far, as a command line. */
  readonly calls: string[];
}

/** Programs that answer at once, by the beginning of their command line; others are not there. */
export function aRun(first: Plays): FakeRun {
  let plays = first;
  const calls: string[] = [];
  const run: Run = (command, args) => {
    const line = [command, ...args].join(" ");
    calls.push(line);
    const found = Object.entries(plays).find(([start]) => line.startsWith(start))?.[1];
    if (found === "hangs") {
      const never = new Promise<never>(() => {});
      return { answer: never, ended: never, kill: () => {} };
    }
    const missing: Ran = { text: "", problem: `${command} could not be started (ENOENT)`, missing: true };
    const answer: Ran = typeof found === "string" ? { text: found } : (found ?? missing);
    return { answer: Promise.resolve(answer), ended: Promise.resolve(), kill: () => {} };
  };
  return {
    run,
    calls,
    play: (next) => {
      plays = next;
    },
  };
}
