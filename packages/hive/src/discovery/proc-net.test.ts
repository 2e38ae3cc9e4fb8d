import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { aFolder } from "../workers/testing/fake-worker.ts";
import { parseListenRows, readListenRows } from "./proc-net.ts";

const sample = (name: string): string => readFileSync(new URL(`./testing/samples/${name}`, import.meta.url), "utf8");

/** Captured on Linux 6.18; one user *constructed*. */
const TCP = sample("proc-net-tcp.txt");
/** Captured on Linux 6.18; the last two rows *constructed*: a global address, and an IPv4 address as IPv6 writes it. */
const TCP6 = sample("proc-net-tcp6.txt");

test("listeners are read with their address, port, user and socket; connections are not listeners", () => {
  expect(parseListenRows(TCP)).toEqual([
    { address: "127.0.0.1", port: 39_633, uid: 1_000, inode: "3747707" },
    { address: "0.0.0.0", port: 2_024, uid: 0, inode: "19" },
  ]);
});

test("addresses of IPv6 are written as everybody writes them, and IPv4 in IPv6's clothes is IPv4", () => {
  expect(parseListenRows(TCP6).map(({ address, port }) => `${address} ${port}`)).toEqual([
    ":: 33053",
    "::1 41921",
    "2001:db8::123:4567:89ab:cdef 8000",
    "127.0.0.1 8080",
  ]);
});

test.each(["", "nonsense\n\n0: x", TCP.slice(0, 130)])("what is no such table has no listeners: %j", (text) => {
  expect(parseListenRows(text)).toEqual([]);
});

test("a table with ever so many connections is read as far as its listeners go", () => {
  const path = join(aFolder(), "tcp");
  const [head = "", listener = "", , connection = ""] = TCP.split("\n");
  writeFileSync(
    path,
    [head, ...Array(400).fill(listener), ...Array(200_000).fill(connection), listener, ""].join("\n"),
  );
  // Read whole, it would have the one at the end too.
  expect(readListenRows(path)).toHaveLength(400);
});
