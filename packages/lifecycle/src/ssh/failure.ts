import { type ErrorCode, HiveError } from "@hive-registry/contract/errors";

/** What ssh itself said when it gave up. More of it tells nothing more. */
export const LAST_WORDS_MAX = 2_000;

interface Kind {
  readonly code: ErrorCode;
  readonly when: RegExp;
  /** `host` is as it was asked for; `found` are the groups of `when`. */
  readonly says: (host: string, found: readonly (string | undefined)[]) => string;
}

/** The first that fits counts, so what explains the others stands before them. The words are OpenSSH's, with `LC_ALL=C`. */
const KINDS: readonly Kind[] = [
  {
    code: "HOST_UNKNOWN",
    when: /Could not resolve hostname (\S+?):/,
    says: (host, [, name]) =>
      `No machine is called ${name ?? host}${name === host ? "" : ` (asked for: ${host})`}. See that it is spelled as in ~/.ssh/config, or use its address`,
  },
  {
    code: "HOST_KEY_CHANGED",
    // ssh knows it by its address, and by its port where that is not the usual one, and says so.
    when: /(?:REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY DETECTED)(?:[\s\S]*? -R "?([^"\s]+))?/,
    says: (host, [, known]) =>
      `${host} has another host key than when it was seen first: it was installed anew, or somebody stands in between. ` +
      `Find out which; if it is the same machine, forget the old key with: ssh-keygen -R '${known ?? host}'`,
  },
  {
    code: "HOST_KEY_UNKNOWN",
    when: /host key is known for|Host key verification failed|authenticity of host/,
    says: (host) =>
      `${host} was never seen before, so it could be anyone. Log in once with: ssh ${host}, or add --accept-new-host-key`,
  },
  {
    code: "SSH_KEY_REFUSED",
    when: /UNPROTECTED PRIVATE KEY FILE/,
    says: (host) =>
      `ssh does not use a key that others may read, so ${host} let nobody in. Give the key file mode 600 (chmod 600)`,
  },
  {
    code: "SSH_KEY_REFUSED",
    when: /(?:no such identity: (.+?): No such file or directory|Identity file (.+?) not accessible)[\s\S]*Permission denied \(/,
    says: (host, [, one, other]) =>
      `The key ${one ?? other} does not exist on the queen's machine, and ${host} takes none of the others. Name another one`,
  },
  {
    code: "SSH_KEY_REFUSED",
    when: /Permission denied \(|Too many authentication failures|No supported authentication methods/,
    says: (host) =>
      `${host} takes none of the keys that ssh offered. Put the queen's public key there (ssh-copy-id, with the same host, user and port), or name another key`,
  },
  {
    code: "SSH_REFUSED",
    when: /Connection refused/,
    says: (host) =>
      `${host} takes no SSH connections at that port: nothing listens there. Start its SSH server, or name another port`,
  },
  {
    code: "SSH_REFUSED",
    when: /timed out|Timeout, server/i,
    says: (host) => `${host} did not answer in time. See that it is on, and that no firewall stands in between`,
  },
  {
    code: "SSH_REFUSED",
    when: /No route to host|Network is unreachable|Host is down/,
    says: (host) =>
      `There is no way to ${host} from the queen's machine. See that it is on, and in a network that is reached`,
  },
  {
    code: "SSH_REFUSED",
    when: /Bad remote protocol version|banner line contains invalid|Protocol mismatch/,
    says: (host) => `What listens at that port of ${host} is no SSH server. Name another port`,
  },
  {
    code: "SSH_REFUSED",
    when: /kex_exchange_identification|Connection (?:reset|closed) by .+ port \d+/,
    says: (host) =>
      `${host} closed the connection before it began: its SSH server is overloaded, or lets nobody in from here`,
  },
];

/** What ssh's stderr means when it ended before the machine could say anything. */
export function sshFailure(host: string, stderr: string): HiveError {
  const output_tail = lastWords(stderr);
  for (const { code, when, says } of KINDS) {
    const found = when.exec(stderr);
    if (found !== null) return new HiveError(code, says(host, [...found]), { details: { output_tail } });
  }
  const words = output_tail.split("\n").at(-1) ?? "";
  const said = words === "" ? "it said nothing" : `it said: ${words}`;
  return new HiveError("SSH_FAILED", `ssh could not reach ${host}; ${said}. Try the same by hand with: ssh ${host}`, {
    details: { output_tail },
  });
}

/** ssh ended, or was ended, after the connection stood. */
export function connectionLost(host: string, stderr: string): HiveError {
  return new HiveError(
    "SSH_FAILED",
    `The connection to ${host} was lost. The same command again finishes what was begun`,
    {
      details: { output_tail: lastWords(stderr) },
    },
  );
}

/** The end of what a program said, in whole lines where there are any. */
export function lastWords(text: string): string {
  const clean = text.replaceAll("\r", "").trim();
  if (clean.length <= LAST_WORDS_MAX) return clean;
  const end = clean.slice(-LAST_WORDS_MAX);
  return end.slice(end.indexOf("\n") + 1);
}
