import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  host,
  oneOf,
  optional,
  path,
  port,
  SettingError,
  settingsFrom,
  text,
  textList,
  whole,
  yesOrNo,
} from "./settings.ts";

const VARIABLES = { port: "X_PORT", queen_url: "X_QUEEN" } as const;

function aConfigFile(content: string): string {
  const directory = mkdtempSync(join(tmpdir(), "settings-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "x.toml");
  writeFileSync(file, content);
  return file;
}

const from = (given: { flags?: object; env?: Record<string, string>; configFile?: string }) =>
  settingsFrom(VARIABLES, { flags: {}, env: {}, configFile: undefined, configName: "none.toml", ...given });

describe("a setting", () => {
  test("comes from its flag before its variable before the file before its default", () => {
    const configFile = aConfigFile("port = 3");
    const env = { X_PORT: "2" };
    expect(from({ flags: { port: "1" }, env, configFile })("port", port, 4)).toBe(1);
    expect(from({ env, configFile })("port", port, 4)).toBe(2);
    expect(from({ env: { X_PORT: "" }, configFile })("port", port, 4)).toBe(3);
    expect(from({ env: { XDG_CONFIG_HOME: "/nowhere" } })("port", port, 4)).toBe(4);
  });

  test("that is wrong is called as its user called it", () => {
    const configFile = aConfigFile('queen_url = ""');
    expect(() => from({ flags: { port: "x" } })("port", port, 0)).toThrow("--port must be a port, 0 to 65535");
    expect(() => from({ flags: { queen_url: "" } })("queen_url", text, "")).toThrow("--queen-url must be text");
    expect(() => from({ env: { X_PORT: "99999" } })("port", port, 0)).toThrow("X_PORT must be a port");
    expect(() => from({ configFile })("queen_url", text, "")).toThrow(`"queen_url" in ${configFile} must be text`);
  });
});

describe("a settings file", () => {
  test.each([
    ["port = ", /x\.toml, line 1: /],
    ["prot = 1", /unknown key "prot"; there are port, queen_url/],
  ])("with %j is refused by name", (content, message) => {
    expect(() => from({ configFile: aConfigFile(content) })).toThrow(message);
  });

  test("must exist when it was named", () => {
    expect(() => from({ configFile: "/nowhere/x.toml" })).toThrow(new SettingError("there is no file /nowhere/x.toml"));
  });
});

test.each([
  ["a port", port, "0", 0],
  ["a port of the file", port, 7_833, 7_833],
  ["an IPv6 address", host, "[::1]", "::1"],
  ["a list in one text", textList, "a, b", ["a", "b"]],
  ["a list", textList, ["a"], ["a"]],
  ["yes", yesOrNo, "yes", true],
  ["no", yesOrNo, false, false],
  ["a choice", oneOf(["a", "b"]), "b", "b"],
  ["a path", path, "/a/../b", "/b"],
  ["a number", whole(1, 10), "10", 10],
  ["an optional text", optional(text), "x", "x"],
])("%s is read", (_, read, given, value) => {
  expect(read(given, "it")).toEqual(value);
});

test.each([
  ["a port beyond all ports", port, "65536"],
  ["a port with a fraction", port, 1.5],
  ["a host with a space", host, "a b"],
  ["a list with a gap", textList, "a,,b"],
  ["maybe", yesOrNo, "maybe"],
  ["no choice", oneOf(["a", "b"]), "c"],
  ["nothing", text, ""],
  ["a number out of range", whole(1, 10), "11"],
  ["a negative number", whole(-5, 10), "-1"],
])("%s is refused", (_, read, given) => {
  expect(() => read(given, "--it")).toThrow(SettingError);
  expect(() => read(given, "--it")).toThrow(/^--it must be/);
});
