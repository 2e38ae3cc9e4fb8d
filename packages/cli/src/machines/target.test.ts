import { describe, expect, test } from "vitest";
import { hiveIdOf, parseTarget } from "./target.ts";

describe("how a machine is named", () => {
  test.each([
    ["attic", { host: "attic" }],
    ["ada@attic", { host: "attic", user: "ada" }],
    ["ada@attic:2222", { host: "attic", user: "ada", port: 2222 }],
    ["ada@corp@attic", { host: "attic", user: "ada@corp" }],
    ["10.0.0.5:22", { host: "10.0.0.5", port: 22 }],
    ["::1", { host: "::1" }],
    ["[::1]", { host: "::1" }],
    ["[::1]:2222", { host: "::1", port: 2222 }],
    ["ada@[fe80::1%eth0]:2222", { host: "fe80::1%eth0", user: "ada", port: 2222 }],
    ["ssh://ada@attic:2222/", { host: "attic", user: "ada", port: 2222 }],
  ])("%s", (text, target) => {
    expect(parseTarget(text)).toEqual(target);
  });

  test.each([
    "",
    "@attic",
    "ada@",
    "attic:",
    "attic:0",
    "attic:70000",
    "attic:ssh",
    "a b",
    "[::1",
    "-oProxyCommand=x",
    "ada@-x",
  ])("%j names none", (text) => {
    expect(() => parseTarget(text)).toThrow("names no machine. Write it as ssh takes it");
  });

  test("its hive is called after its host, made to fit an id", () => {
    expect(["attic", "10.0.0.5", "fe80::1%eth0", "_dmz_", "a".repeat(80)].map(hiveIdOf)).toEqual([
      ...["attic", "10.0.0.5", "fe80--1-eth0", "dmz_", "a".repeat(63)],
    ]);
    expect(() => hiveIdOf("--")).toThrow("--id NAME");
  });
});
