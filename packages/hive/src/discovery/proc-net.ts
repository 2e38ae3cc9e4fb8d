/** Listening sockets as Linux lists them in /proc/net/tcp and /proc/net/tcp6. */
import { closeSync, openSync, readSync } from "node:fs";

/** A socket that takes connections. */
export interface ListenRow {
  readonly address: string;
  readonly port: number;
  readonly uid: number;
  /** The socket's number, by which its owner's open files name it. */
  readonly inode: string;
}

const LISTEN = "0A";
/** Row: number, local address, remote address, state, queues, timer, retransmissions, user, timeout, inode. */
const ROW = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) \S+ \S+ \S+ +(\d+) +\d+ (\d+)/;
/** The kernel writes no more at once (seq_file). A row has 150 bytes in one table and up to 220 in the other. */
const PAGE_BYTES = 4_096;
const ROW_BYTES_MAX = 256;
/** More listeners than any machine has. */
const TABLE_BYTES_MAX = 4 * 1_048_576;

/** The listening rows of such a table; others are left out. */
export function parseListenRows(text: string): ListenRow[] {
  const rows: ListenRow[] = [];
  for (const line of text.split("\n")) {
    const [, address = "", port = "", state, uid = "", inode = ""] = ROW.exec(line) ?? [];
    if (state !== LISTEN) continue;
    rows.push({ address: addressOf(address), port: Number.parseInt(port, 16), uid: Number(uid), inode });
  }
  return rows;
}

/**
 * Reads a table as far as its listeners go. The kernel writes them before the connections (tcp_seq_start), of which a busy
 * machine has tens of thousands. It walks its whole table of connections, a quarter of a million places and more, to find that
 * there are none: milliseconds, so not even its end is read twice.
 *
 * @throws the system's error when the file cannot be read.
 */
export function readListenRows(path: string): ListenRow[] {
  const file = openSync(path, "r");
  try {
    const page = Buffer.alloc(PAGE_BYTES);
    let text = "";
    while (text.length < TABLE_BYTES_MAX) {
      const read = readSync(file, page, 0, PAGE_BYTES, null);
      text += page.toString("latin1", 0, read);
      if (read < PAGE_BYTES - ROW_BYTES_MAX || hasOtherState(text)) break;
    }
    return parseListenRows(text);
  } finally {
    closeSync(file);
  }
}

/** Whether the last whole row is no listener. */
function hasOtherState(text: string): boolean {
  const end = text.lastIndexOf("\n");
  const state = ROW.exec(text.slice(text.lastIndexOf("\n", end - 1) + 1, end))?.[3];
  return state !== undefined && state !== LISTEN;
}

/**
 * How many sockets listen, or nearly: those that are neither connected nor waiting for their end. It costs microseconds, where
 * reading the listeners costs milliseconds. `undefined` where the kernel does not tell.
 */
export function countListeners(texts: {
  readonly sockstat: string;
  readonly sockstat6: string;
  readonly snmp: string;
}): number | undefined {
  const inUse = /^TCP: inuse (\d+)/m.exec(texts.sockstat)?.[1];
  const inUse6 = /^TCP6: inuse (\d+)/m.exec(texts.sockstat6)?.[1] ?? "0";
  const [, names = "", numbers = ""] = /^Tcp: (\D.*)\nTcp: (.*)$/m.exec(texts.snmp) ?? [];
  const connected = numbers.split(" ")[names.split(" ").indexOf("CurrEstab")];
  return inUse === undefined || connected === undefined
    ? undefined
    : Number(inUse) + Number(inUse6) - Number(connected);
}

/** Words of four bytes, each with its lowest byte first. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255) {
    return bytes.slice(12).join(".");
  }
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  // As URL writes it: the longest run of zeros is left out.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
