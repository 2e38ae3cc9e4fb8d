import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { settingsFrom } from "./settings.ts";
import { port, SettingError, text } from "./values.ts";

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
