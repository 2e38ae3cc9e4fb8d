import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultConfigFile, defaultStateDir, hiveIdOfThisMachine } from "./places.ts";

test("state and configuration lie where the XDG rules say; a relative path there counts as none", () => {
  expect(defaultStateDir({ XDG_STATE_HOME: "/state" })).toBe("/state/hive");
  expect(defaultConfigFile({ XDG_CONFIG_HOME: "/config" }, "hive.toml")).toBe("/config/hive/hive.toml");
  for (const given of [undefined, "", "relative"]) {
    expect(defaultStateDir({ XDG_STATE_HOME: given })).toBe(join(homedir(), ".local/state/hive"));
    expect(defaultConfigFile({ XDG_CONFIG_HOME: given }, "x")).toBe(join(homedir(), ".config/hive/x"));
  }
});

test("this machine's hive has a name that can be a file's", () => {
  expect(hiveIdOfThisMachine()).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
});
