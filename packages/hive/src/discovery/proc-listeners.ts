/** Which process holds which listening socket (Linux). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { parseStat } from "../workers/process-tree.ts";
import type { Listener, ListenerSource } from "./listener.ts";
import { countListeners, type ListenRow, readListenRows } from "./proc-net.ts";

/** Processes looked through between two looks at other work: well below a millisecond. */
const PROCESSES_AT_ONCE = 8;
const LOOK_EVERY_MS = 500;
/** Looks between two at the tables while the number of listeners stays: one may have come as another went. */
const LOOKS_BETWEEN = 2;

/**
 * Reads the tables of sockets when the number of listeners changed, and now and then. The open files of processes are looked
 * through only when a socket appears whose owner is not known yet: first those of new processes, for it is mostly one of them.
 */
export class ProcListeners implements ListenerSource {
  readonly everyMs: number = LOOK_EVERY_MS;
  readonly #root: string;
  readonly #owners = new Map<string, number | undefined>();
  #pids: ReadonlySet<string> = new Set();
  #rows: readonly ListenRow[] | undefined;
  #count: number | undefined;
  #looksSince = 0;

  constructor(root = "/proc") {
    this.#root = root;
  }

  async list(wants: (port: number) => boolean): Promise<readonly Listener[] | undefined> {
    this.#look();
    if (this.#rows === undefined) return undefined;
    const wanted = this.#rows.filter(({ port }) => wants(port));
    const present = new Set(wanted.map(({ inode }) => inode));
    for (const inode of this.#owners.keys()) if (!present.has(inode)) this.#owners.delete(inode);
    const strangers = new Set([...present].filter((inode) => !this.#owners.has(inode)));
    if (strangers.size > 0) await this.#findOwners(strangers);
    return wanted.map(({ address, port, uid, inode }) => {
      const pid = this.#owners.get(inode);
      return { address, port, uid, ...(pid !== undefined && { pid }) };
    });
  }

  doubt(): void {
    this.#rows = undefined;
  }

  async #findOwners(inodes: ReadonlySet<string>): Promise<void> {
    const pids = readdirSync(this.#root).filter((name) => /^\d+$/.test(name));
    const known = this.#pids;
    this.#pids = new Set(pids);
    const rest = new Set(inodes);
    for (const some of [pids.filter((pid) => !known.has(pid)), pids.filter((pid) => known.has(pid))]) {
      for (const [inode, pid] of await ownersOf(rest, some, this.#root)) {
        this.#owners.set(inode, pid);
        rest.delete(inode);
      }
      if (rest.size === 0) return;
    }
    for (const inode of rest) this.#owners.set(inode, undefined);
  }

  #look(): void {
    const count = this.#listenerCount();
    const isSame = count !== undefined && count === this.#count;
    this.#count = count;
    if (isSame && this.#rows !== undefined && this.#looksSince++ < LOOKS_BETWEEN) return;
    this.#looksSince = 0;
    this.#rows = this.#read();
  }

  #listenerCount(): number | undefined {
    try {
      const [sockstat = "", snmp = ""] = ["sockstat", "snmp"].map((name) => this.#text(name));
      return countListeners({ sockstat, snmp, sockstat6: this.#text("sockstat6", "") });
    } catch {
      return undefined;
    }
  }

  #text(name: string, otherwise?: string): string {
    try {
      return readFileSync(`${this.#root}/self/net/${name}`, "latin1");
    } catch (error) {
      if (otherwise === undefined) throw error;
      return otherwise;
    }
  }

  #read(): ListenRow[] | undefined {
    const tables = ["tcp", "tcp6"].map((name) => {
      try {
        return readListenRows(`${this.#root}/self/net/${name}`);
      } catch {
        return undefined;
      }
    });
    // A kernel without IPv6 has no second table.
    return tables[0] === undefined && tables[1] === undefined ? undefined : tables.flatMap((rows) => rows ?? []);
  }
}

/**
 * The process of each socket, where it may be known. Several hold one that they inherited: then the eldest, which the others
 * descend from.
 */
async function ownersOf(
  inodes: ReadonlySet<string>,
  pids: readonly string[],
  root: string,
): Promise<Map<string, number>> {
  const owners = new Map<string, { readonly pid: number; readonly start_time: number }>();
  for (const [at, name] of pids.entries()) {
    for (const inode of socketsOf(`${root}/${name}/fd`)) {
      if (!inodes.has(inode)) continue;
      const start_time = startOf(`${root}/${name}`);
      const known = owners.get(inode);
      if (known === undefined || start_time < known.start_time) owners.set(inode, { pid: Number(name), start_time });
    }
    if ((at + 1) % PROCESSES_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return new Map([...owners].map(([inode, { pid }]) => [inode, pid]));
}

function startOf(dir: string): number {
  try {
    return parseStat(readFileSync(`${dir}/stat`, "utf8"))?.start_time ?? Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Sockets among a process's open files; none when they are not ours to see. */
function socketsOf(dir: string): string[] {
  const sockets: string[] = [];
  try {
    for (const file of readdirSync(dir)) {
      const link = linkOf(`${dir}/${file}`);
      if (link.startsWith("socket:[")) sockets.push(link.slice("socket:[".length, -1));
    }
  } catch {
    // Another user's, or gone.
  }
  return sockets;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
