import { oneLine } from "../output/text.ts";

/** What to do about a failure of a machine, by its code. `host` is as the person wrote it. */
const ADVICE: Readonly<Record<string, (machine: Named) => string>> = {
  NO_SPACE: () => "Make room there, and do the same again.",
  NODE_MISSING: () => "Install Node 20.19 or newer there (https://nodejs.org), and do the same again.",
  PORT_IN_USE: ({ host }) => `Choose another port for the hive, or 0 for any free one: hive add ${host} --port 0`,
  QUEEN_OUT_OF_REACH: ({ host }) =>
    `Let the queen listen there (hive up --listen ADDRESS), or say how that machine reaches her: hive add ${host} --public-url URL`,
  MANAGED_ELSEWHERE: ({ host }) =>
    `Remove that one first (hive rm, at its queen), or take it over: hive add ${host} --take-over`,
  MACHINE_FAILED: ({ id }) => `What its hive said last: hive logs ${id}`,
  HIVE_FAILED: ({ id }) => `What its hive said last: hive logs ${id}`,
  TIMEOUT: ({ id }) => `What its hive said last: hive logs ${id}`,
  ALREADY_RUNNING: () => "See how it goes: hive operations   Or end it: hive cancel ID",
  AGENT_MISSING: () => "Compile it where the queen runs: npm run build",
  CANCELLED: () => "What was done so far stays; the same command again finishes it.",
};

interface Named {
  readonly host: string;
  readonly id: string;
}

/** What a person can do next; undefined where the message says all, as those about ssh do. */
export function adviceFor(code: string | undefined, host: string, id: string): string | undefined {
  if (code === undefined || !Object.hasOwn(ADVICE, code)) return undefined;
  return ADVICE[code]?.({ host: oneLine(host), id: oneLine(id) });
}
