import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { aFolder } from "../workers/testing/fake-worker.ts";
import { SERVERS_CONFIGURED_MAX, serversWith } from "./servers.ts";
import { readSettings } from "./settings.ts";

const settingsOf = (toml: string, env: Record<string, string> = {}) => {
  const file = join(aFolder(), "hive.toml");
  writeFileSync(file, toml);
  return readSettings({}, { XDG_STATE_HOME: "/state", ...env }, file);
};

test("servers are named in hive.toml, each with what is known of it", () => {
  const dir = aFolder();
  writeFileSync(join(dir, "key"), "from-file\n", { mode: 0o600 });
  const toml = `
discover = false

[[server]]
url = "http://gpu2.lan:8000/v1/"
engine = "vllm"
name = "big"
key_file = "${join(dir, "key")}"
slots = 64

[[server]]
url = "http://127.0.0.1:11434"
load_on_request = true

[[server]]
url = "https://gpu3:8443/llm"
key_env = "GPU3_KEY"
`;
  expect(settingsOf(toml, { GPU3_KEY: "from-env" })).toMatchObject({
    discover: false,
    servers: [
      { url: "http://gpu2.lan:8000", engine: "vllm", name: "big", key: "from-file", slots: 64 },
      { url: "http://127.0.0.1:11434", load_on_request: true },
      { url: "https://gpu3:8443/llm", key: "from-env" },
    ],
  });
});

test("by flag and variable they are URLs, and nothing needs to be named at all", () => {
  const env = { XDG_CONFIG_HOME: aFolder(), XDG_STATE_HOME: "/state" };
  expect(readSettings({}, env)).toMatchObject({ discover: true, servers: [], probeIntervalMs: 1_000 });
  expect(readSettings({ probe_interval_ms: "5000" }, env).probeIntervalMs).toBe(5_000);
  expect(() => readSettings({ probe_interval_ms: "1" }, env)).toThrow("whole number from 200 to 60000");
  expect(readSettings({ server: ["http://a:1", "http://b:2"] }, env).servers).toEqual([
    { url: "http://a:1" },
    { url: "http://b:2" },
  ]);
  const given = { ...env, HIVE_SERVER: "http://a:1, http://b:2", HIVE_DISCOVER: "false" };
  expect(readSettings({}, given)).toMatchObject({
    discover: false,
    servers: [{ url: "http://a:1" }, { url: "http://b:2" }],
  });
});

describe("refused, in words that help and never tell a key:", () => {
  test.each([
    ['[[server]]\nname = "x"', /"url" of .* must be text/],
    ['[[server]]\nurl = "gpu2:8000"', /must be a URL such as http:\/\/127.0.0.1:8000, not gpu2:8000/],
    ['[[server]]\nurl = "http://me:hunter2@gpu2"', /must not hold a password/],
    ['[[server]]\nurl = "http://gpu2?key=hunter2x"', /must be a URL/],
    ['[[server]]\nurl = "http://gpu2"\ntoken = "hunter2"', /has no "token"; there are url, key,/],
    ['[[server]]\nurl = "http://gpu2"\nengine = "bllm"', /"engine" of .* must be one of koboldcpp, .*vllm/],
    ['[[server]]\nurl = "http://gpu2"\nname = "a b"', /must be letters, digits/],
    ['[[server]]\nurl = "http://gpu2"\nslots = 0', /"slots" of .* whole number from 1/],
    ['[[server]]\nurl = "http://gpu2"\nkey = "hunter2 hunter2"', /"key" of .* must hold one key/],
    ['[[server]]\nurl = "http://gpu2"\nkey = "hunter2"\nkey_env = "K"', /only one of key, key_env and key_file/],
    ['[[server]]\nurl = "http://gpu2"\nkey_env = "NOWHERE"', /the variable NOWHERE is not set/],
    ['[[server]]\nurl = "http://gpu2"\nkey_file = "/nowhere/key"', /\/nowhere\/key cannot be read/],
    ['[[server]]\nurl = "http://a"\n[[server]]\nurl = "http://a/"', /two servers have the url/],
    ['[[server]]\nurl = "http://a"\n[[server]]\nurl = "ftp://a"', /"url" of "server" in .*, number 2, must be a URL/],
    ["server = 3", /must be a table with a url/],
  ])("%s", (toml, message) => {
    let said = "";
    try {
      settingsOf(toml);
    } catch (error) {
      said = (error as Error).message;
    }
    expect(said).toMatch(message);
    if (!toml.includes("?key=")) expect(said).not.toContain("hunter2");
  });

  test("more than there can be", () => {
    const many = Array.from({ length: SERVERS_CONFIGURED_MAX + 1 }, (_, at) => ({ url: `http://a:${at + 1}` }));
    expect(() => serversWith({})(many, "server")).toThrow(`at most ${SERVERS_CONFIGURED_MAX} servers`);
  });
});
