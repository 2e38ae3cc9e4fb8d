import { oneLine } from "../output/text.ts";

/** What to do about a failure of a machine, by its code. `host` is as the person wrote it, `ssh` as it is given to ssh. */
const ADVICE: Readonly<Record<string, (machine: Named) => string>> = {
  HOST_UNKNOWN: ({ ssh }) => `See how it is spelled in ~/.ssh/config, or use its address. This must work: ssh ${ssh}`,
  SSH_REFUSED: ({ ssh }) => `See that it is on and takes SSH. Another port: --ssh-port N. This must work: ssh ${ssh}`,
  SSH_KEY_REFUSED: ({ ssh }) =>
    `Put the queen's key there: ssh-copy-id ${ssh}   Or name another one: --identity-file FILE`,
  HOST_KEY_UNKNOWN: ({ ssh, host }) =>
    `Log in once and compare its fingerprint: ssh ${ssh}   Or take whatever key it shows: hive add ${host} --accept-new-host-key`,
  HOST_KEY_CHANGED: ({ ssh }) =>
    `Find out whether it was installed anew. Only if it was: ssh-keygen -R ${ssh}   and log in once: ssh ${ssh}`,
  SSH_FAILED: ({ ssh }) => `This must work first, on the queen's machine: ssh ${ssh} true`,
  SSH_MISSING: () => "Install ssh on the queen's machine (Debian: apt install openssh-client).",
  NO_SPACE: () => "Make room there, and do the same again.",
  NODE_MISSING: () => "Install Node 20.19 or newer there (https://nodejs.org), and do the same again.",
  PORT_IN_USE: ({ host }) => `Choose another port for the hive, or 0 for any free one: hive add ${host} --port 0`,
  QUEEN_OUT_OF_REACH: ({ host }) =>
    `Let the queen listen there (hive up --listen ADDRESS), or say how that machine reaches her: hive add ${host} --public-url URL`,
  MANAGED_ELSEWHERE: ({ host }) =>
    `Remove it by the queen that has it (hive rm), or take it over: hive add ${host} --take-over`,
  MACHINE_FAILED: ({ id }) => `What its hive said last: hive logs ${id}`,
  HIVE_FAILED: ({ id }) => `What its hive said last: hive logs ${id}`,
  TIMEOUT: ({ id }) => `What its hive said last: hive logs ${id}`,
  ALREADY_RUNNING: () => "See how it goes: hive operations   Or end it: hive cancel ID",
  AGENT_MISSING: () => "Compile it where the queen runs: npm run build",
  CANCELLED: () => "What was done so far stays; the same command again finishes it.",
};

interface Named {
  readonly host: string;
  readonly ssh: string;
  readonly id: string;
}

/** What a person can do next; undefined where the message says all. */
export function adviceFor(code: string | undefined, host: string, id: string): string | undefined {
  if (code === undefined || !Object.hasOwn(ADVICE, code)) return undefined;
  return ADVICE[code]?.({
    host: oneLine(host),
    ssh: oneLine(host).replace(/^(?!ssh:)(.*):(\d+)$/, "-p $2 $1"),
    id: oneLine(id),
  });
}
