import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HiveError } from "@hive-registry/contract/errors";
import type { SshHost, Waiting } from "../remote/machine.ts";
import { option, sshArguments, sshEnvironment } from "./arguments.ts";
import { connectionLost, sshFailure } from "./failure.ts";
import { type Input, type Program, runProgram, startProgram } from "./program.ts";
import { scriptWith } from "./quote.ts";

/** Beyond ssh's own limit for each connection: jump hosts, a slow agent, name servers that are silent. */
const CONNECT_LIMIT_MS = 45_000;
/** Most systems take 104 bytes for a socket's path, and ssh adds 17 of its own to the name while it makes one. */
const SOCKET_FOLDER_MAX = 60;

/**
 * What runs on the machine, always the same text: it takes a mark, a length and a script of that length from stdin, runs the script with the
 * rest of stdin, and tells how it ended. So nothing that varies is ever read by the user's shell there, whichever that is, and nothing of
 * it is in a list of processes. `dd` reads byte by byte: what comes after the script is the script's.
 */
const RUN_SCRIPT =
  'exec sh -c \'IFS= read -r mark; IFS= read -r bytes; echo; echo "$mark"; ' +
  'text=$(dd bs=1 count="$bytes" 2>/dev/null); (eval "$text"); code=$?; echo; echo "$mark $code"\'';
/** What holds the connection: it lasts as long as its stdin, so it ends with the queen however she ends. */
const HOLD = "echo; echo hive-is-connected; exec cat >/dev/null";
const HELD = /^hive-is-connected\r?$/m;

export interface RemoteScript {
  /** What it does, for messages. */
  readonly what: string;
  /** POSIX sh; its arguments are `$1` and on. */
  readonly script: string;
  readonly args?: readonly string[];
  /** What its commands read from stdin. */
  readonly input?: Input;
  /** After so long without an end, and without a byte of input sent, it is given up. */
  readonly limitMs: number;
}

export interface RemoteRan {
  readonly code: number;
  /** The last 64 KiB of each. */
  readonly stdout: string;
  readonly stderr: string;
}

/** One connection to a machine, made when it is needed and made again when it was lost. One script at a time. */
export interface SshConnection {
  /** @throws {HiveError} what ssh said, `CANCELLED`, `TIMEOUT`. */
  connect(waiting?: Waiting): Promise<void>;
  /** Runs a script there. Its exit status is the machine's own, never ssh's. @throws {HiveError} as `connect`. */
  run(script: RemoteScript, waiting?: Waiting): Promise<RemoteRan>;
  /** What was started there and detached goes on. */
  close(): Promise<void>;
}

interface Held {
  readonly folder: string;
  readonly socket: string;
  readonly program: Program;
  lost: boolean;
}

export function sshConnection(
  deps: { readonly env: Readonly<Record<string, string | undefined>>; readonly command?: string },
  ssh: SshHost,
): SshConnection {
  const command = deps.command ?? "ssh";
  const env = sshEnvironment(deps.env);
  let held: Held | undefined;

  const letGo = (one: Held) => {
    one.lost = true;
    one.program.kill();
    rmSync(one.folder, { recursive: true, force: true });
    if (held === one) held = undefined;
  };

  const connect = async ({ signal }: Waiting = {}): Promise<Held> => {
    if (held !== undefined && !held.lost) return held;
    if (held !== undefined) letGo(held);
    if (signal?.aborted === true) throw cancelledConnect(ssh.host);
    const folder = mkdtempSync(join(tmpdir().length <= SOCKET_FOLDER_MAX ? tmpdir() : "/tmp", "hive-ssh-"));
    const socket = join(folder, "s");
    const args = [...sshArguments(ssh), ...option("ControlMaster", "yes"), "-S", socket, "--", ssh.host, HOLD];
    try {
      const program = await startProgram({ command, args, env });
      const made: Held = { folder, socket, program, lost: false };
      const lost = () => {
        made.lost = true;
      };
      program.ended.then(lost, lost);
      held = made;
      await standing(made, ssh.host, signal);
      return made;
    } catch (error) {
      if (held !== undefined) letGo(held);
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  };

  return {
    connect: async (waiting) => {
      await connect(waiting);
    },
    run: async ({ what, script, args = [], input = [], limitMs }, waiting = {}) => {
      const { socket, program } = await connect(waiting);
      const mark = `hive-${randomBytes(12).toString("hex")}`;
      const text = scriptWith(script, args);
      const ran = await runProgram({
        command,
        args: [...sshArguments(ssh), ...option("ControlMaster", "no"), "-S", socket, "--", ssh.host, RUN_SCRIPT],
        env,
        what,
        input: [`${mark}\n${Buffer.byteLength(text)}\n`, text, ...input],
        limitMs,
        signal: waiting.signal,
      });
      const marked = betweenMarks(ran.stdout, mark);
      if (marked === undefined) throw connectionLost(ssh.host, `${program.stderrSoFar()}\n${ran.stderr}`);
      return { ...marked, stderr: ran.stderr };
    },
    close: async () => {
      const one = held;
      if (one === undefined) return;
      letGo(one);
      await one.program.ended.catch(() => undefined);
    },
  };
}

/** Waits until the machine itself has answered. */
async function standing(made: Held, host: string, signal: AbortSignal | undefined): Promise<void> {
  const { program } = made;
  await new Promise<void>((resolve, reject) => {
    const done = (outcome: () => void) => {
      clearTimeout(limit);
      signal?.removeEventListener("abort", cancel);
      outcome();
    };
    const fail = (error: unknown) => done(() => reject(error));
    const cancel = () => fail(cancelledConnect(host));
    const limit = setTimeout(
      () => fail(sshFailure(host, `${program.stderrSoFar()}\nConnection timed out`)),
      CONNECT_LIMIT_MS,
    );
    signal?.addEventListener("abort", cancel, { once: true });
    program.onOutput(() => {
      if (HELD.test(program.stdoutSoFar())) done(resolve);
    });
    if (signal?.aborted === true) cancel();
    program.ended.then(({ stderr }) => fail(sshFailure(host, stderr)), fail);
  });
}

const cancelledConnect = (host: string): HiveError =>
  new HiveError("CANCELLED", `It was cancelled: connecting to ${host}`);

/** What a script printed, and how it ended. Undefined when the last mark never came: then ssh's own status says nothing of the script. */
function betweenMarks(stdout: string, mark: string): { readonly code: number; readonly stdout: string } | undefined {
  const last = new RegExp(`\\n${mark} (\\d+)\\r?\\n$`).exec(stdout);
  if (last === null) return undefined;
  // What a profile of the user printed stands before the first mark, which a long output has pushed out.
  const first = stdout.indexOf(`${mark}\n`);
  const begin = first === -1 || first >= last.index ? 0 : first + mark.length + 1;
  return { code: Number(last[1]), stdout: stdout.slice(begin, last.index) };
}
