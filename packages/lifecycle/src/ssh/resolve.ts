import { HiveError } from "@hive-registry/contract/errors";
import type { ResolvedHost, SshHost, Waiting } from "../remote/machine.ts";
import { sshArguments, sshEnvironment } from "./arguments.ts";
import { lastWords } from "./failure.ts";
import { runProgram } from "./program.ts";

const RESOLVE_LIMIT_MS = 10_000;

/**
 * What ssh makes of a name, by its own configuration; nothing is asked of the network.
 *
 * @throws {HiveError} `SSH_FAILED` for a configuration that ssh does not take.
 */
export async function resolveHost(
  deps: { readonly env: Readonly<Record<string, string | undefined>>; readonly command?: string },
  ssh: SshHost,
  waiting: Waiting = {},
): Promise<ResolvedHost> {
  const { code, stdout, stderr } = await runProgram({
    command: deps.command ?? "ssh",
    args: ["-G", ...sshArguments(ssh), "--", ssh.host],
    env: sshEnvironment(deps.env),
    what: `Looking up ${ssh.host} in ssh's configuration`,
    limitMs: RESOLVE_LIMIT_MS,
    signal: waiting.signal,
  });
  const resolved = code === 0 ? parseResolved(stdout) : undefined;
  if (resolved !== undefined) return resolved;
  const output_tail = lastWords(stderr);
  throw new HiveError("SSH_FAILED", `ssh does not understand its configuration: ${output_tail}`, {
    details: { output_tail },
  });
}

/** `ssh -G`: a keyword in lower case and its value in each line; the first of a keyword counts. */
export function parseResolved(text: string): ResolvedHost | undefined {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, keyword, value] = /^(\S+)\s+(.*\S)\s*$/.exec(line) ?? [];
    if (keyword !== undefined && value !== undefined && !values.has(keyword)) values.set(keyword, value);
  }
  const hostname = values.get("hostname");
  const user = values.get("user");
  const port = Number(values.get("port"));
  if (hostname === undefined || user === undefined || !Number.isInteger(port)) return undefined;
  return { hostname, port, user };
}
