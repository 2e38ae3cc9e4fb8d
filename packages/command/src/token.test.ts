import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { bearsToken, isLoopback, readToken } from "./token.ts";

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

  test("is borne by the right header only", () => {
    expect(bearsToken("Bearer secret", "secret")).toBe(true);
    expect(bearsToken("bearer  secret ", "secret")).toBe(true);
    for (const wrong of [
      undefined,
      "",
      "secret",
      "Basic secret",
      "Bearer",
      "Bearer secre",
      "Bearer secret2",
      "Bearer secret x",
    ]) {
      expect(bearsToken(wrong, "secret")).toBe(false);
    }
  });
});

test("loopback is this machine alone", () => {
  for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
    expect(isLoopback(host)).toBe(true);
  for (const host of ["", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "127.example", "localhost.example"])
    expect(isLoopback(host)).toBe(false);
});
