import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { recordOf, writePidFile } from "@hive-registry/lifecycle";
import { describe, expect, onTestFinished, test } from "vitest";
import { CommandError } from "./failure.ts";
import { localHiveOf, portOf, queenUrlOf, stateDirOf, tokenOf } from "./settings.ts";
import { claimUpState } from "./up/state.ts";

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "hive-settings-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const me = () => recordOf(process.pid, Date.now());

describe("where things are", () => {
  test("a flag counts more than the environment, and that more than the usual place", () => {
    expect(stateDirOf("/a", { HIVE_STATE_DIR: "/b" })).toBe("/a");
    expect(stateDirOf(undefined, { HIVE_STATE_DIR: "/b", XDG_STATE_HOME: "/c" })).toBe("/b");
    expect(stateDirOf(undefined, { XDG_STATE_HOME: "/c" })).toBe("/c/hive");
    expect(stateDirOf(undefined, { XDG_STATE_HOME: "" })).toBe(join(homedir(), ".local/state/hive"));
  });

  test("the queen is the one named; else the one that hive up runs here; else at the usual port", () => {
    const env = { HIVE_STATE_DIR: aFolder() };
    expect(queenUrlOf(undefined, env)).toBe("http://127.0.0.1:7833");
    const file = claimUpState(env.HIVE_STATE_DIR, Date.now());
    file?.update({ queen: { process: me(), url: "http://127.0.0.1:4711" } });
    expect(queenUrlOf(undefined, env)).toBe("http://127.0.0.1:4711");
    expect(queenUrlOf(undefined, { ...env, HIVE_QUEEN_URL: "http://a:1, http://b:2" })).toBe("http://a:1");
    expect(queenUrlOf("https://c", { ...env, HIVE_QUEEN_URL: "http://a:1" })).toBe("https://c");
    expect(() => queenUrlOf("localhost:7833", env)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  test("this machine's hive is found by the pid file of one that lives", () => {
    const env = { HIVE_STATE_DIR: aFolder() };
    expect(localHiveOf(env).find()).toBeUndefined();
    writePidFile(join(env.HIVE_STATE_DIR, "hive-gone.pid"), {
      pid: 2 ** 22 + 1,
      start_time: 1,
      started_at_ms: 0,
      url: "http://gone",
    });
    writePidFile(join(env.HIVE_STATE_DIR, "hive-here.pid"), { ...me(), url: "http://here" });
    expect(localHiveOf(env).find()).toBe("http://here");
    expect(localHiveOf({ ...env, HIVE_URL: "http://said", HIVE_ID: "desk" })).toMatchObject({
      url: "http://said",
      hiveId: "desk",
    });
  });

  test("the token comes from the file that a flag or a variable names, else from HIVE_TOKEN", () => {
    const file = join(aFolder(), "token");
    expect(() => tokenOf(file, {})).toThrow(new CommandError(`The token file ${file} cannot be read`));
    writeFileSync(file, "  abc\n", { mode: 0o600 });
    expect(tokenOf(file, { HIVE_TOKEN: "other" })).toBe("abc");
    expect(tokenOf(undefined, { HIVE_TOKEN_FILE: file })).toBe("abc");
    expect(tokenOf(undefined, { HIVE_TOKEN_FILE: "", HIVE_TOKEN: " x " })).toBe("x");
    expect(tokenOf(undefined, {})).toBeUndefined();
  });

  test("a variable for a port is a port, or wrong usage", () => {
    expect(portOf("HIVE_QUEEN_PORT", 7833, { HIVE_QUEEN_PORT: "" })).toBe(7833);
    expect(portOf("HIVE_QUEEN_PORT", 7833, { HIVE_QUEEN_PORT: "0" })).toBe(0);
    expect(() => portOf("HIVE_QUEEN_PORT", 7833, { HIVE_QUEEN_PORT: "99999" })).toThrow(
      expect.objectContaining({ exitCode: 2, message: "HIVE_QUEEN_PORT must be a port, 0 to 65535" }),
    );
  });
});
