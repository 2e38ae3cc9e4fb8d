/** Which process holds which listening socket (Linux). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { parseStat } from "../workers/process-tree.ts";
import type { Listener, ListenerSource } from "./listener.ts";
import { type ListenRow, readListenRows } from "./proc-net.ts";

/** Processes looked through between two looks at other work: well below a millisecond. */
const PROCESSES_AT_ONCE = 8;
const LOOK_EVERY_MS = 500;

/**
 * Reads the tables of sockets at each look, which costs microseconds. The open files of all processes are looked through only
 * when a socket appears whose owner is not known yet.
 */
export class ProcListeners implements ListenerSource {
  readonly everyMs: number = LOOK_EVERY_MS;
  readonly #root: string;
  readonly #owners = new Map<string, number | undefined>();

  constructor(root = "/proc") {
    this.#root = root;
  }

  async list(wants: (port: number) => boolean): Promise<readonly Listener[] | undefined> {
    const rows = this.#rows();
    if (rows === undefined) return undefined;
    const wanted = rows.filter(({ port }) => wants(port));
    const present = new Set(wanted.map(({ inode }) => inode));
    for (const inode of this.#owners.keys()) if (!present.has(inode)) this.#owners.delete(inode);
    const strangers = [...present].filter((inode) => !this.#owners.has(inode));
    if (strangers.length > 0) {
      const owners = await ownersOf(new Set(strangers), this.#root);
      for (const inode of strangers) this.#owners.set(inode, owners.get(inode));
    }
    return wanted.map(({ address, port, uid, inode }) => {
      const pid = this.#owners.get(inode);
      return { address, port, uid, ...(pid !== undefined && { pid }) };
    });
  }

  #rows(): ListenRow[] | undefined {
    const tables = ["tcp", "tcp6"].map((name) => {
      try {
        return readListenRows(join(this.#root, "self/net", name));
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
async function ownersOf(inodes: ReadonlySet<string>, root: string): Promise<Map<string, number>> {
  const owners = new Map<string, { readonly pid: number; readonly start_time: number }>();
  let looked = 0;
  for (const name of readdirSync(root)) {
    if (!/^\d+$/.test(name)) continue;
    for (const inode of socketsOf(join(root, name, "fd"))) {
      if (!inodes.has(inode)) continue;
      const pid = Number(name);
      const start_time = startOf(join(root, name));
      const known = owners.get(inode);
      if (known === undefined || start_time < known.start_time) owners.set(inode, { pid, start_time });
    }
    if (++looked % PROCESSES_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return new Map([...owners].map(([inode, { pid }]) => [inode, pid]));
}

function startOf(dir: string): number {
  try {
    return parseStat(readFileSync(join(dir, "stat"), "utf8"))?.start_time ?? Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Sockets among a process's open files; none when they are not ours to see. */
function socketsOf(dir: string): string[] {
  const sockets: string[] = [];
  try {
    for (const file of readdirSync(dir)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(join(dir, file)))?.[1];
      if (inode !== undefined) sockets.push(inode);
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
