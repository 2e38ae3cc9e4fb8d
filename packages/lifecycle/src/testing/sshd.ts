import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify, isAlive, type ProcessIdentity } from "../processes/identity.ts";
import type { SshHost } from "../remote/machine.ts";

const PROGRAMS = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
/** In the environment of all that is started over SSH: whose it is. */
const MARK = "HIVE_TEST_SSHD";
const PATH_DEFAULT = "/usr/local/bin:/usr/bin:/bin";
const PORT_TRIES = 20;
const READY_WITHIN_MS = 20_000;
const SWEEPS_MAX = 20;

export interface SshdOptions {
  /** The name by which {@link Sshd.config_file} knows it. Default `machine`. */
  readonly alias?: string;
  /** Where it listens. Default `127.0.0.1`. */
  readonly address?: string;
  /** Default: a free one. Needed where a {@link wrapper} gives it a network of its own. */
  readonly port?: number;
  /** Folders of programs that come before all others there: fakes of `uname`, `df` … */
  readonly path_before?: readonly string[];
  /** The whole `PATH` there in place of the usual one, for a machine that lacks something. */
  readonly path?: string;
  /** More of the environment that a session there has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the client's configuration knows its key already. Default true. */
  readonly known?: boolean;
  /** What it is started with, its own command line after it: `["ip", "netns", "exec", "desk"]`. */
  readonly wrapper?: readonly string[];
}

/** A machine with a clean account, as SSH shows it: Debian's `sshd` as this user, with an own key and an own empty home. */
export interface Sshd {
  readonly alias: string;
  readonly address: string;
  readonly port: number;
  /** Empty but for what is put there over SSH. */
  readonly home: string;
  /** Names it, its port, the user's key and the known keys: what `ssh -F` is given. */
  readonly config_file: string;
  readonly identity_file: string;
  readonly known_hosts: string;
  /** How a `Machine` is told to reach it. */
  readonly ssh: SshHost;
  /** Another key from now on, as after a new installation. */
  changeHostKey(): Promise<void>;
  /** No key is taken any more. */
  refuseKeys(): void;
  /** Ends every connection with SIGKILL, as a cable that is pulled; what they had started goes on. */
  cut(): void;
  /** Nobody listens any more; connections and what was started there go on. */
  stopListening(): Promise<void>;
  /** The processes that were started over SSH and still are there. */
  processes(): readonly number[];
  /** Ends it and everything that was started there, and removes its files. */
  stop(): Promise<void>;
}

/**
 * @throws {Error} where there is no `sshd` and none can be installed.
 */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const program = sshdProgram();
  const folder = mkdtempSync(join(tmpdir(), "hive-sshd-"));
  const place = (name: string) => join(folder, name);
  const { alias = "machine", address = "127.0.0.1" } = options;
  const home = place("home");
  for (const made of [home, place("run")]) mkdirSync(made, { mode: 0o700 });
  makeKey(place("host_key"));
  makeKey(place("user_key"));
  writeFileSync(place("authorized_keys"), readFileSync(place("user_key.pub")), { mode: 0o600 });

  const path = [...(options.path_before ?? []), options.path ?? PATH_DEFAULT].join(":");
  const env = { HOME: home, XDG_RUNTIME_DIR: place("run"), PATH: path, [MARK]: folder, ...options.env };
  let port = options.port ?? 0;
  let server: ChildProcess | undefined;
  const left: ProcessIdentity[] = [];

  const listen = async () => {
    const [command = program, ...args] = [...(options.wrapper ?? []), program, "-D", "-e", "-f", place("sshd_config")];
    for (let tried = 1; ; tried++) {
      const wanted = port === 0 ? await freePort(address) : port;
      writeFileSync(place("sshd_config"), configOf({ address, port: wanted, place, env }));
      const started = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
      const fault = await listening(started);
      if (fault === undefined) {
        server = started;
        port = wanted;
        return;
      }
      if (tried === PORT_TRIES || !/in use/i.test(fault)) throw new Error(`sshd did not start: ${fault}`);
    }
  };
  const stopListening = async () => {
    const ended = server;
    server = undefined;
    // Connections outlive who took them, and then nothing shows any more whose they were.
    left.push(...connectionsOf(ended?.pid).flatMap((pid) => identify(pid) ?? []));
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
    const exit = once(ended, "exit");
    ended.kill("SIGKILL");
    await exit;
  };
  const cut = () => {
    for (const pid of connectionsOf(server?.pid)) end(pid);
    for (const known of left.splice(0)) if (isAlive(known)) end(known.pid);
  };
  const know = () => {
    const key = readFileSync(place("host_key.pub"), "utf8").trim().split(" ").slice(0, 2).join(" ");
    writeFileSync(place("known_hosts"), `[${address}]:${port} ${key}\n`);
  };

  try {
    await listen();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  if (options.known === false) writeFileSync(place("known_hosts"), "");
  else know();
  writeFileSync(
    place("ssh_config"),
    [
      `Host ${alias}`,
      `  HostName ${address}`,
      `  Port ${port}`,
      `  IdentityFile ${place("user_key")}`,
      "  IdentitiesOnly yes",
      `  UserKnownHostsFile ${place("known_hosts")}`,
      "  GlobalKnownHostsFile /dev/null",
      "",
    ].join("\n"),
  );

  return {
    alias,
    address,
    port,
    home,
    config_file: place("ssh_config"),
    identity_file: place("user_key"),
    known_hosts: place("known_hosts"),
    ssh: { host: alias, config_file: place("ssh_config") },
    changeHostKey: async () => {
      await stopListening();
      for (const file of ["host_key", "host_key.pub"]) rmSync(place(file));
      makeKey(place("host_key"));
      await listen();
    },
    refuseKeys: () => writeFileSync(place("authorized_keys"), ""),
    cut,
    stopListening,
    processes: () => marked(folder),
    stop: async () => {
      cut();
      await stopListening();
      cut();
      // What is just being started by one that is ended here is found the next time.
      for (let sweep = 0; sweep < SWEEPS_MAX && marked(folder).length > 0; sweep++) {
        for (const pid of marked(folder)) end(pid);
        await new Promise((resolve) => setImmediate(resolve));
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configOf(options: {
  readonly address: string;
  readonly port: number;
  readonly place: (name: string) => string;
  readonly env: Readonly<Record<string, string>>;
}): string {
  const { address, port, place, env } = options;
  return [
    `ListenAddress ${address}:${port}`,
    `HostKey ${place("host_key")}`,
    `AuthorizedKeysFile ${place("authorized_keys")}`,
    "PubkeyAuthentication yes",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "UsePAM no",
    // The folder lies below one that everybody may write.
    "StrictModes no",
    "PidFile none",
    "PrintMotd no",
    "UseDNS no",
    // The keyword counts once only, so all stand in one line.
    `SetEnv ${Object.entries(env)
      .map(([name, value]) => JSON.stringify(`${name}=${value}`))
      .join(" ")}`,
    "",
  ].join("\n");
}

function sshdProgram(): string {
  const isRoot = process.getuid?.() === 0;
  const find = () => PROGRAMS.find((one) => existsSync(one));
  if (find() === undefined && isRoot) {
    spawnSync("apt-get", ["install", "-y", "--no-install-recommends", "openssh-server"], { stdio: "ignore" });
  }
  const program = find();
  if (program === undefined) {
    throw new Error("These tests need an SSH server: apt-get install openssh-server (nothing of it has to be started)");
  }
  // A root's sshd locks what it has not let in yet into this folder.
  if (isRoot) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  return program;
}

function makeKey(file: string): void {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file]);
}

async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  server.close();
  await once(server, "close");
  if (typeof bound !== "object" || bound === null) throw new Error("no port was given");
  return bound.port;
}

/** Undefined once it listens, else its last words. */
async function listening(server: ChildProcess): Promise<string | undefined> {
  let said = "";
  return new Promise((resolve) => {
    const limit = setTimeout(() => {
      server.kill("SIGKILL");
      resolve(`it was silent for ${READY_WITHIN_MS} ms. ${said}`);
    }, READY_WITHIN_MS);
    const tell = (outcome: string | undefined) => {
      clearTimeout(limit);
      resolve(outcome);
    };
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_096);
      if (/^Server listening on/m.test(said)) tell(undefined);
    });
    server.once("error", (error) => tell(error.message));
    server.once("close", () => tell(said));
  });
}

/** The processes of its connections: its children and theirs, as far as they are `sshd` themselves. */
function connectionsOf(server: number | undefined): readonly number[] {
  if (server === undefined) return [];
  const parents = new Map<number, { readonly parent: number; readonly name: string }>();
  for (const pid of pids()) {
    const stat = readOf(pid, "stat");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (stat !== "") parents.set(pid, { parent, name });
  }
  const isBelow = (pid: number): boolean => {
    const one = parents.get(pid);
    return one?.name.startsWith("sshd") === true && (one.parent === server || isBelow(one.parent));
  };
  return [...parents.keys()].filter((pid) => pid !== server && isBelow(pid));
}

function marked(folder: string): readonly number[] {
  const mark = `${MARK}=${folder}\0`;
  return pids().filter((pid) => pid !== process.pid && readOf(pid, "environ").includes(mark));
}

const pids = (): number[] => readdirSync("/proc").map(Number).filter(Number.isSafeInteger);

/** Empty for a process that is gone, a zombie's, or another user's. */
function readOf(pid: number, file: "stat" | "environ"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
