import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MemoryCatalog } from "../catalog/memory.ts";
import { JoinTokens } from "./join-tokens.ts";

const sha256 = (token: string) => createHash("sha256").update(token).digest("hex");

function someTokens(...hives: string[]) {
  const catalog = new MemoryCatalog();
  for (const id of hives) catalog.put(id, { host: "localhost" }, 0);
  return { catalog, tokens: new JoinTokens({ catalog, nowMs: () => 1 }) };
}

describe("a join token", () => {
  test("belongs to one hive, and only its hash is kept", () => {
    const { catalog, tokens } = someTokens("desk", "rack");
    const token = tokens.issue("desk");
    expect(tokens.hiveOf(token)).toBe("desk");
    expect(tokens.hiveOf(tokens.issue("rack"))).toBe("rack");
    expect(catalog.joinTokens().get("desk")).toBe(sha256(token));
    expect(JSON.stringify([...catalog.joinTokens()])).not.toContain(token);
  });

  test("is long, printable and never the same", () => {
    const { tokens } = someTokens("desk");
    const issued = new Set(Array.from({ length: 50 }, () => tokens.issue("desk")));
    expect(issued.size).toBe(50);
    for (const token of issued) expect(token).toMatch(/^[\w-]{43}$/);
  });

  test("is known to the queen that starts next", () => {
    const { catalog, tokens } = someTokens("desk");
    const token = tokens.issue("desk");
    const next = new JoinTokens({ catalog, nowMs: () => 2 });
    expect(next.hiveOf(token)).toBe("desk");
    expect(next.has("desk")).toBe(true);
    expect(next.revoke("desk")).toBe(true);
    expect(next.hiveOf(token)).toBeUndefined();
  });

  test("ends when the hive gets another one", () => {
    const { tokens } = someTokens("desk");
    const [first, second] = [tokens.issue("desk"), tokens.issue("desk")];
    expect(tokens.hiveOf(first)).toBeUndefined();
    expect(tokens.hiveOf(second)).toBe("desk");
  });

  test("ends with the hive's record, whoever removes that", () => {
    const { catalog, tokens } = someTokens("desk");
    const token = tokens.issue("desk");
    catalog.remove("desk");
    expect(tokens.hiveOf(token)).toBeUndefined();
    catalog.put("desk", { host: "localhost" }, 2);
    expect(tokens.hiveOf(token)).toBeUndefined();
    expect(tokens.has("desk")).toBe(false);
  });

  test("is given to no hive without a record", () => {
    const { tokens } = someTokens();
    expect(() => tokens.issue("stranger")).toThrow(/No hive "stranger" is known/);
    expect(tokens.has("stranger")).toBe(false);
    expect(tokens.revoke("stranger")).toBe(false);
  });

  test.each(["", "x", "__proto__", "constructor", "a".repeat(100_000), "\0", "é"])("is not %j", (given) => {
    const { tokens } = someTokens("desk");
    tokens.issue("desk");
    expect(tokens.hiveOf(given)).toBeUndefined();
  });

  test("is not its own hash", () => {
    const { tokens } = someTokens("desk");
    expect(tokens.hiveOf(sha256(tokens.issue("desk")))).toBeUndefined();
  });
});

describe("who waits for the end of a join token", () => {
  test("is told once, when it is revoked or followed by another, and of no other hive's", () => {
    const { tokens } = someTokens("desk", "rack");
    const told: string[] = [];
    for (const id of ["desk", "rack"]) tokens.issue(id);
    tokens.onEnd("desk", () => told.push("desk"));
    tokens.onEnd("rack", () => told.push("rack"));
    tokens.issue("rack");
    expect(told).toEqual(["rack"]);
    tokens.revoke("desk");
    tokens.revoke("desk");
    tokens.revoke("rack");
    expect(told).toEqual(["rack", "desk"]);
  });

  test("is not told any more when it stopped listening", () => {
    const { tokens } = someTokens("desk");
    tokens.issue("desk");
    const told: string[] = [];
    const stops = [tokens.onEnd("desk", () => told.push("first")), tokens.onEnd("desk", () => told.push("second"))];
    stops[0]?.();
    tokens.revoke("desk");
    for (const stop of stops) stop();
    expect(told).toEqual(["second"]);
  });
});
