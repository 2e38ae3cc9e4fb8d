/** What a person can do about a failure at a machine, by its code. The error's own words tell what happened. */
const ADVICE: Readonly<Record<string, string>> = {
  HOST_UNKNOWN: "See that the name is spelled as in the ssh configuration of the queen's user, or use the address.",
  SSH_REFUSED: "Turn the machine on, start its SSH server, or name another SSH port.",
  SSH_KEY_REFUSED: "Put the public key of the queen's user there (ssh-copy-id), or name another identity file.",
  HOST_KEY_UNKNOWN:
    "Log in once by ssh from the queen's machine and compare the fingerprint, or accept the new host key in the form.",
  HOST_KEY_CHANGED:
    "Find out why. Only if it is the same machine, forget the old key by the ssh-keygen line that ssh shows.",
  SSH_MISSING: "Install ssh where the queen runs.",
  NO_SPACE: "Make room there, and do the same again.",
  NODE_MISSING: "Install Node 20.19 or newer there, and do the same again.",
  PORT_IN_USE: "Choose another port for the hive in the form, or 0 for any free one.",
  QUEEN_OUT_OF_REACH:
    "Let the queen listen where that machine reaches her, or say in the form by which address that is.",
  MANAGED_ELSEWHERE: "Remove that hive first at its own queen, or take it over: the form has a box for it.",
  MACHINE_FAILED: "The last words of the machine stand at the step; the log of its hive has more.",
  HIVE_FAILED: "The hive's log says more.",
  TIMEOUT: "The hive's log says more; the same again finishes what was begun.",
  ALREADY_RUNNING: "Another operation goes on at this machine. Wait for its end, or cancel it.",
  AGENT_MISSING: "Compile it where the queen runs: npm run build",
  ENGINE_MISSING: "The bundled inference engine is there for the queen's own system only.",
  CANCELLED: "What was done so far stays; the same again finishes it.",
  NOT_MANAGED: "The queen did not start this hive, so it does not stop it. End it where it was started.",
  TOO_MANY_REQUESTS: "Many operations go on. Try again when some have ended.",
};

export const adviceFor = (code: string | undefined): string | undefined =>
  code !== undefined && Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined;
