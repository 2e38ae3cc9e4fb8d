import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { aFolder } from "../workers/testing/fake-worker.ts";
import { readSettings, withoutOwnSettings } from "./settings.ts";
import { fileNameOf } from "./state-dir.ts";

/** An environment without any settings, whose configuration folder is empty. */
const nothing = () => ({ XDG_CONFIG_HOME: aFolder(), XDG_STATE_HOME: "/state" });

function aFile(text: string): string {
  const path = join(aFolder(), "hive.toml");
  writeFileSync(path, text);
  return path;
}

describe("settings", () => {
  test("need not be given: everything has a default that works on one machine", () => {
    expect(readSettings({}, nothing())).toMatchObject({
      queens: ["http://127.0.0.1:7833"],
      port: 7835,
      listen: "127.0.0.1",
      advertise: undefined,
      stateDir: "/state/hive",
      models: [],
      demo: true,
      modelsDir: "/state/hive/models",
      workerPortStart: 9300,
      nvidiaSmi: "nvidia-smi",
      logLevel: "info",
    });
    expect(readSettings({}, nothing()).id).toMatch(/^[A-Za-z0-9]/);
  });

  test("come from a flag before the environment before the file", () => {
    const file = aFile(
      'id = "from-file"\nport = 1\nlisten = "10.0.0.1"\nqueen = ["http://a", "http://b:1/"]\ndemo = false\n',
    );
    const env = { ...nothing(), HIVE_ID: "from-env", HIVE_PORT: "2", HIVE_CONFIG: file };
    expect(readSettings({ id: "from-flag" }, env)).toMatchObject({
      id: "from-flag",
      port: 2,
      listen: "10.0.0.1",
      queens: ["http://a", "http://b:1"],
      demo: false,
    });
  });

  test("are read from hive.toml in the configuration folder when no file is named", () => {
    const folder = aFolder();
    const env = { XDG_CONFIG_HOME: folder };
    expect(readSettings({}, env).port).toBe(7835);
    expect(() => readSettings({}, env, join(folder, "missing.toml"))).toThrow("there is no file");
  });

  test.each([
    [{ port: "x" }, {}, "", "--port must be a port, 0 to 65535"],
    [{ worker_port_start: "-1" }, {}, "", "--worker-port-start must be a port"],
    [{}, { HIVE_PORT: "1.5" }, "", "HIVE_PORT must be a port"],
    [{ id: "a b" }, {}, "", "--id must start with a letter or digit"],
    [{ id: "../x" }, {}, "", "--id must start"],
    [{ queen: ["ftp://x"] }, {}, "", "--queen must be a URL such as http://127.0.0.1:7833"],
    [{ queen: ["http://me:pw@x"] }, {}, "", "--queen must not hold a password"],
    [{}, { HIVE_QUEEN_URL: "localhost:7833" }, "", "HIVE_QUEEN_URL must be a URL"],
    [{ queen: Array.from({ length: 17 }, (_, at) => `http://q${at}`) }, {}, "", "at most 16 queens"],
    [{ listen: "a b" }, {}, "", "--listen must be a name or an address"],
    [{ log_level: "loud" }, {}, "", "--log-level must be one of fatal,"],
    [{}, {}, "demo = 1", "must be true or false"],
    [{}, {}, "prot = 1", 'unknown key "prot"; there are queen, id, port,'],
  ])("that cannot be used are refused by the name their user gave them: %j %j %j", (flags, env, file, message) => {
    const config = file === "" ? undefined : aFile(file);
    expect(() => readSettings(flags, { ...nothing(), ...env }, config)).toThrow(message);
  });

  test("of the hive are not handed to what it starts", () => {
    const env = {
      PATH: "/bin",
      HIVE_TOKEN: "t",
      HIVE_PORT: "1",
      HIVE_TOKEN_FILE: "f",
      HIVE_CONFIG: "c",
      HIVE_GPU: "x",
    };
    expect(withoutOwnSettings(env)).toEqual({ PATH: "/bin", HIVE_GPU: "x" });
  });
});

test("any id has a file name of its own", () => {
  expect(fileNameOf("llama-3.gguf")).toBe("llama-3.gguf");
  const odd = ["../../etc/passwd", "a/b", "a b", "Ärger", "x".repeat(128), ".hidden", "-rf", "🐝".repeat(60)];
  const names = odd.map(fileNameOf);
  expect(new Set(names).size).toBe(odd.length);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9._~-]{1,100}$/);
});
