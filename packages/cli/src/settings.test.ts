import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { recordOf, writePidFile } from "@hive-registry/lifecycle";
import { describe, expect, onTestFinished, test } from "vitest";
import { localHiveOf, queenUrlOf, stateDirOf, tokenOf } from "./settings.ts";
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

  test("a token file must be there, be its owner's alone, and hold one token", () => {
    const file = join(aFolder(), "token");
    expect(() => tokenOf(file, {})).toThrow("cannot be read");
    writeFileSync(file, "  abc\n", { mode: 0o600 });
    expect(tokenOf(file, { HIVE_TOKEN: "other" })).toBe("abc");
    expect(tokenOf(undefined, { HIVE_TOKEN_FILE: file })).toBe("abc");
    writeFileSync(file, "two words");
    expect(() => tokenOf(file, {})).toThrow("one token");
    expect(tokenOf(undefined, {})).toBeUndefined();
    expect(tokenOf(undefined, { HIVE_TOKEN: " x " })).toBe("x");
  });
});
