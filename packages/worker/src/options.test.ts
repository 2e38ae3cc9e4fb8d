import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CommandLine, readCommandLine } from "./options.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hive-options-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

function read(args: string, env: Record<string, string> = {}): CommandLine | undefined {
  return readCommandLine({ env, print: () => {} }, args.split(" "));
}

test("a model is all it needs; the rest has defaults", () => {
  expect(read("--model a.gguf")).toEqual({
    modelPath: "a.gguf",
    port: 9300,
    listen: "127.0.0.1",
    slots: 4,
    gpu: "auto",
    exitWithParent: false,
    logLevel: "info",
  });
});

test("every flag is taken", () => {
  const args =
    "--model a.gguf --alias b --port 0 --listen ::1 --slots 2 --context-tokens 512 --threads 3 --gpu off --worker-id w --hive-url http://h:1 --exit-with-parent --log-level debug";
  expect(read(args)).toMatchObject({
    alias: "b",
    port: 0,
    listen: "::1",
    slots: 2,
    contextTokens: 512,
    threads: 3,
    gpu: "off",
    workerId: "w",
    hiveUrl: "http://h:1",
    exitWithParent: true,
    logLevel: "debug",
  });
});

test.each([
  ["--port 1", /--model/],
  ["--model a.gguf --port 70000", /--port.*0 to 65535/],
  ["--model a.gguf --slots 0", /--slots.*1 to 256/],
  ["--model a.gguf --context-tokens many", /--context-tokens/],
  ["--model a.gguf --gpu maybe", /--gpu/],
  ["--model a.gguf --hive-url nowhere", /--hive-url/],
  ["--model a.gguf --what", /--what/],
  ["--model a.gguf stray", /stray|arguments/],
])("%s is wrong usage, and says why", (args, why) => {
  expect(() => read(args)).toThrow(expect.objectContaining({ code: "USAGE", message: expect.stringMatching(why) }));
});

test("help is no failure", () => {
  let shown = "";
  expect(readCommandLine({ env: {}, print: (text) => (shown += text) }, ["--help"])).toBeUndefined();
  expect(shown).toContain("--model <file>");
});

test("beyond loopback it refuses to listen without a token", () => {
  expect(() => read("--model a.gguf --listen 0.0.0.0")).toThrow(/without a token/);
  expect(read("--model a.gguf --listen 0.0.0.0", { HIVE_TOKEN: "t" })).toMatchObject({ listen: "0.0.0.0", token: "t" });
  expect(read("--model a.gguf --listen 127.0.0.2")).not.toHaveProperty("token");
});

test("a token file that cannot be used is wrong usage", () => {
  const file = join(dir, "token");
  writeFileSync(file, "from-file\n", { mode: 0o600 });
  expect(read(`--model a.gguf --token-file ${file}`, { HIVE_TOKEN: "t" })).toMatchObject({ token: "from-file" });
  chmodSync(file, 0o644);
  expect(() => read(`--model a.gguf --token-file ${file}`)).toThrow(
    expect.objectContaining({ code: "USAGE", message: expect.stringContaining(`chmod 600 ${file}`) }),
  );
});

test("the fleet's token may be known by its hash alone, also beyond loopback", () => {
  const hash = "a".repeat(64);
  expect(read("--model a.gguf --listen 0.0.0.0", { HIVE_FLEET_TOKEN_SHA256: hash })).toMatchObject({
    fleetTokenSha256: hash,
  });
  expect(() => read("--model a.gguf", { HIVE_FLEET_TOKEN_SHA256: "the token itself" })).toThrow(
    /^HIVE_FLEET_TOKEN_SHA256 must be a SHA-256 in hex: 64 digits, 0 to 9 and a to f$/,
  );
});
