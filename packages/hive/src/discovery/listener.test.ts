import { describe, expect, test } from "vitest";
import { isForeignPort } from "./foreign-ports.ts";
import { localUrlOf, sitesOf } from "./listener.ts";
import { parseLsof } from "./lsof.ts";
import { parseParents } from "./processes.ts";

describe("listeners", () => {
  test("of one process on one port are one server, whatever addresses it takes", () => {
    const [site, ...others] = sitesOf([
      { address: "::1", port: 11_434, pid: 7 },
      { address: "127.0.0.1", port: 11_434, pid: 7 },
    ]);
    expect(others).toEqual([]);
    expect(site).toMatchObject({ pid: 7, addresses: ["127.0.0.1", "::1"] });
  });

  test("of two processes on one port are two servers, and of one process on two ports too", () => {
    const sites = sitesOf([
      { address: "127.0.0.1", port: 8_000, pid: 7 },
      { address: "192.168.1.5", port: 8_000, pid: 8 },
      { address: "127.0.0.1", port: 8_001, pid: 7 },
    ]);
    expect(new Set(sites.map(({ id }) => id)).size).toBe(3);
  });

  test("of processes that are not known are told apart by their user", () => {
    const sites = sitesOf([
      { address: "127.0.0.1", port: 11_434, uid: 998 },
      { address: "::1", port: 11_434, uid: 998 },
      { address: "192.168.1.5", port: 11_434, uid: 1_000 },
    ]);
    expect(sites).toHaveLength(2);
  });

  test.each([
    [["0.0.0.0"], "http://127.0.0.1:80"],
    [["::"], "http://127.0.0.1:80"],
    [["::1"], "http://[::1]:80"],
    [["127.0.0.5"], "http://127.0.0.5:80"],
    [["::1", "192.168.1.5"], "http://192.168.1.5:80"],
    [["127.0.0.1", "0.0.0.0"], "http://127.0.0.1:80"],
  ])("at %j are reached from here at %s", (addresses, url) => {
    const [site] = sitesOf(addresses.map((address) => ({ address, port: 80, pid: 1 })));
    expect(site && localUrlOf(site)).toBe(url);
  });
});

test("databases, mail and the like are never asked anything; where inference servers run, everything is", () => {
  for (const port of [22, 25, 53, 443, 3_306, 5_432, 6_379, 27_017])
    expect([port, isForeignPort(port)]).toEqual([port, true]);
  for (const port of [80, 1_234, 3_000, 5_001, 8_000, 8_080, 9_931, 11_434, 30_000, 41_234]) {
    expect([port, isForeignPort(port)]).toEqual([port, false]);
  }
});

/** Captured from lsof 4.95, `lsof -nP -iTCP -sTCP:LISTEN -F pn` on Debian 12; the last process *constructed*, as versions that list `f` too write it. */
const LSOF = `p14222
n127.0.0.1:42323
n*:34189
n[::1]:40177
n*:36717
p812
f7
n*:5000
f8
n*:nonsense
`;

test("what lsof lists on a Mac is read: process, address and port", () => {
  expect(parseLsof(LSOF)).toEqual([
    { pid: 14_222, port: 42_323, address: "127.0.0.1" },
    { pid: 14_222, port: 34_189, address: "0.0.0.0" },
    { pid: 14_222, port: 40_177, address: "::1" },
    { pid: 14_222, port: 36_717, address: "0.0.0.0" },
    { pid: 812, port: 5_000, address: "0.0.0.0" },
  ]);
  expect(parseLsof("")).toEqual([]);
  expect(parseLsof("lsof: no pwd entry for UID 998\nn127.0.0.1:1\n")).toEqual([]);
});

test("whose child a process is is read from ps", () => {
  expect([...parseParents("    1     0\n  812     1\n 9961   812\nnonsense\n")]).toEqual([
    [1, 0],
    [812, 1],
    [9_961, 812],
  ]);
});
