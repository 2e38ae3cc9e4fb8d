import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { aFolder } from "../workers/testing/fake-worker.ts";
import { parseListenRows, readListenRows } from "./proc-net.ts";

/** Captured on Linux 6.18. */
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 0100007F:9AD1 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 3747707 1 000000000638a801 100 0 0 10 0                   
   1: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 19 1 00000000889417a3 100 0 0 10 0                        
   2: 0100007F:820D 0100007F:C1AA 06 00000000:00000000 03:000012D1 00000000     0        0 0 3 000000006e55a549                                      
`;
/** Captured on Linux 6.18; the last row *constructed*: an IPv4 address as IPv6 writes it. */
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:811D 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3747710 1 0000000013763942 100 0 0 10 0
   1: 00000000000000000000000001000000:A3C1 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3747709 1 00000000e436b1d3 100 0 0 10 0
   2: B80D01200000000067452301EFCDAB89:1F40 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0000000013763942 100 0 0 10 0
   3: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8 1 0000000013763942 100 0 0 10 0
`;

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
