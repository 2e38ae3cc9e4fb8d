import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { bearerOf, bearsToken, isLoopback, readToken, sha256, tokenCheck, tokenHash } from "./token.ts";

const HOSTILE = [
  ...[
    "",
    "secret",
    "Basic secret",
    "Bearer",
    "Bearer secre",
    "Bearer secret2",
    "Bearer secret x",
    "Bearer secret,secret",
  ],
  ...[
    "Bearer: secret",
    "Bearer Bearer secret",
    '"Bearer secret"',
    "Bearer\tsecret",
    "Bearer secret\0",
    "Bearer undefined",
  ],
];

function aTokenFile(content: string, mode: number): string {
  const directory = mkdtempSync(join(tmpdir(), "token-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "token");
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

describe("the token", () => {
  test("comes from its file before the environment, without the line's end", () => {
    expect(readToken(aTokenFile("from-file\n", 0o600), { HIVE_TOKEN: "from-env" })).toBe("from-file");
    expect(readToken(undefined, { HIVE_TOKEN: "from-env" })).toBe("from-env");
    expect(readToken(undefined, { HIVE_TOKEN: "" })).toBeUndefined();
  });

  test.each([0o644, 0o640, 0o602])("in a file of mode %o is refused, with what to do", (mode) => {
    expect(() => readToken(aTokenFile("x", mode), {})).toThrow(/chmod 600/);
  });

  test.each(["", "two words", "line\nbreak", "ümlaut", "x".repeat(4_097)])("cannot be %j", (content) => {
    expect(() => readToken(aTokenFile(content, 0o600), {})).toThrow(/must hold one token/);
  });

  test("in a file that is not there is a clear error that does not tell what it is", () => {
    expect(() => readToken("/nowhere/token", { HIVE_TOKEN: "secret" })).toThrow(
      "the token file /nowhere/token cannot be read",
    );
  });

  test("is borne by the right headers only", () => {
    const isKnown = tokenCheck(["secret"]);
    expect(bearsToken({ authorization: "Bearer secret" }, isKnown)).toBe(true);
    expect(bearsToken({ authorization: "bearer  secret " }, isKnown)).toBe(true);
    expect(bearsToken({ "x-api-key": "secret" }, isKnown)).toBe(true);
    expect(bearsToken({ authorization: "Bearer wrong", "x-api-key": "secret" }, isKnown)).toBe(true);
    expect(bearsToken({}, isKnown)).toBe(false);
    expect(bearsToken({ "x-api-key": ["secret"] }, isKnown)).toBe(false);
    for (const authorization of HOSTILE) expect(bearsToken({ authorization }, isKnown)).toBe(false);
  });

  test("is found in its header, whatever else comes there", () => {
    expect(bearerOf("Bearer a.b-c_d~e+f/g=")).toBe("a.b-c_d~e+f/g=");
    for (const nothing of [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      "secret",
      "Basic secret",
      "Bearer a b",
      "Bearer\tsecret",
    ]) {
      expect(bearerOf(nothing)).toBeUndefined();
    }
  });

  test("has a hash of 64 digits, the one that other programs make of it", () => {
    // printf secret | sha256sum
    expect(tokenHash("secret")).toBe("2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
    expect(sha256(tokenHash("secret").toUpperCase(), "X")).toBe(tokenHash("secret"));
  });

  test.each(["", "secret", "g".repeat(64), "a".repeat(63), "a".repeat(65), ` ${"a".repeat(64)}`, 7, undefined])(
    "has no hash like %j, and what was given in its place is not told",
    (value) => {
      expect(() => sha256(value, "HIVE_FLEET_TOKEN_SHA256")).toThrow(
        /^HIVE_FLEET_TOKEN_SHA256 must be a SHA-256 in hex: 64 digits, 0 to 9 and a to f$/,
      );
    },
  );
});

describe("who checks tokens", () => {
  test("knows each by itself or by its hash, and no other", () => {
    const isKnown = tokenCheck(["own", undefined, "key"], [undefined, tokenHash("fleet")]);
    for (const token of ["own", "key", "fleet"]) expect(isKnown(token)).toBe(true);
    for (const other of ["", "own ", "Own", "ownkey", "fleet2", tokenHash("fleet"), tokenHash("own")]) {
      expect(isKnown(other)).toBe(false);
    }
  });

  test("lets nobody in when it knows none", () => {
    for (const isKnown of [tokenCheck([]), tokenCheck([undefined], [undefined])]) {
      for (const given of ["", "undefined", "null", tokenHash("")]) expect(isKnown(given)).toBe(false);
    }
  });

  test("recognises what it knows among all that can be sent, and nothing else", () => {
    const isKnown = tokenCheck(["own"], [tokenHash("fleet")]);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (given) => isKnown(given) === ["own", "fleet"].includes(given)),
    );
  });

  test("is not held up by a header of any length", () => {
    const isKnown = tokenCheck(["secret"]);
    for (const long of ["x".repeat(200_000), `${" ".repeat(200_000)}x y`, "x ".repeat(100_000)]) {
      expect(bearsToken({ authorization: `Bearer ${long}` }, isKnown)).toBe(false);
    }
  });
});

test("loopback is this machine alone", () => {
  for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
    expect(isLoopback(host)).toBe(true);
  for (const host of ["", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "127.example", "localhost.example"])
    expect(isLoopback(host)).toBe(false);
});
