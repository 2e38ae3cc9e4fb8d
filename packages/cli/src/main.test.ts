import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { aHive, aWorker, on } from "./testing/fakes.ts";
import { aFakeQueen, aStep } from "./testing/queen.ts";
import { aServer } from "./testing/server.ts";

/** The built command: what people run. */
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "hive-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Environment without what the person who runs the tests has set. */
const cleanEnv = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HIVE_"))),
  HIVE_STATE_DIR: aFolder(),
  ...more,
});

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { env: cleanEnv(env), stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function hive(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = start(args, env);
  let out = "";
  let err = "";
  child.stdout?.on("data", (piece) => {
    out += piece;
  });
  child.stderr?.on("data", (piece) => {
    err += piece;
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { out, err, code };
}

const aQueen = (hives: readonly object[] = [aHive()]) =>
  aServer((request, response) => {
    const body = request.url?.startsWith("/api/v1/hives") ? { hives } : { workers: [on("desk")], models: [] };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });

describe("the hive command", () => {
  test("starts without the schemas of what travels, whose loading takes longer than most commands", async () => {
    const asModule = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
    const hook = `export async function resolve(name, context, next) {
      if (name.startsWith("typebox")) throw new Error("the schemas are loaded");
      return next(name, context);
    }`;
    const register = `import { register } from "node:module"; register(${JSON.stringify(asModule(hook))});`;
    const { url } = await aQueen();
    const answered = await hive(["ls", "--queen", url], { NODE_OPTIONS: `--import ${asModule(register)}` });
    expect(answered).toMatchObject({ code: 0, err: "", out: expect.stringContaining("desk") });
  });

  test.each([
    ["an unknown command", ["lss"], "Did you mean ls?"],
    ["an unknown flag", ["ls", "--jsno"], "Did you mean --json?"],
    ["a missing word", ["route"], "missing required argument"],
    ["a word too many", ["down", "now"], "too many arguments"],
    ["a port that is none", ["up", "--port", "99999"], "0 to 65535"],
    ["a queen that is no address", ["ls", "--queen", "nonsense"], "--queen must be a URL"],
    ["no command at all", [], "Usage: hive"],
  ])("%s is wrong usage: exit 2", async (_, args, message) => {
    const { code, err, out } = await hive(args);
    expect(err).toContain(message);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });

  test("asking for help or the version is no mistake", async () => {
    expect(await hive(["--help"])).toMatchObject({ code: 0, out: expect.stringContaining("Usage: hive") });
    expect(await hive(["--version"])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  test("a queen that does not answer: exit 3, and how to start one", async () => {
    const nobody = await aServer(() => undefined);
    await nobody.close();
    for (const [args, env] of [
      [["ls", "--queen", nobody.url], {}],
      [["--queen", nobody.url, "models"], {}],
      [["stats", "--json"], { HIVE_QUEEN_URL: nobody.url }],
      [["route", "m"], { HIVE_QUEEN_URL: nobody.url }],
      [["chat", "m", "hi"], { HIVE_QUEEN_URL: nobody.url }],
    ] as const) {
      const { code, err, out } = await hive(args, env);
      expect(err).toContain("hive up");
      expect(err).toContain(nobody.url);
      expect({ code, out }).toEqual({ code: 3, out: "" });
    }
  });

  test("a hive that does not answer is another failure: exit 1", async () => {
    const nobody = await aServer(() => undefined);
    await nobody.close();
    const env = { HIVE_URL: nobody.url, HIVE_QUEEN_URL: nobody.url };
    for (const args of [["devices"], ["worker", "start", "x.gguf"], ["worker", "logs", "x"], ["worker", "stop", "x"]]) {
      expect(await hive(args, env)).toMatchObject({ code: 1, err: expect.stringContaining("No hive answers") });
    }
  });

  test("answers go to stdout without colour or spinner where there is no terminal", async () => {
    const queen = await aQueen();
    const listing = await hive(["ls", "--queen", queen.url]);
    expect(listing).toMatchObject({ code: 0, err: "" });
    expect(listing.out).toMatch(/^HIVE .*\ndesk {2}alive/);
    expect(listing.out).not.toContain("\u001B");
    const workers = await hive(["workers", "--json", "--queen", queen.url]);
    expect(JSON.parse(workers.out)).toEqual([{ hive_id: "desk", worker: aWorker() }]);
  });

  test("the token comes from a file that only its owner may read, or from the environment; never from a flag", async () => {
    const queen = await aQueen();
    const file = join(aFolder(), "token");
    writeFileSync(file, "from-file\n", { mode: 0o600 });
    await hive(["ls", "--queen", queen.url, "--token-file", file]);
    await hive(["ls", "--queen", queen.url], { HIVE_TOKEN: "from-env" });
    expect(queen.headers.map((headers) => headers.authorization)).toEqual(["Bearer from-file", "Bearer from-env"]);

    chmodSync(file, 0o644);
    const open = await hive(["ls", "--queen", queen.url, "--token-file", file]);
    expect(open).toMatchObject({ code: 1, err: expect.stringContaining("chmod 600") });
  });

  test("a refused token says how to give one", async () => {
    const closed = await aServer((_, response) => {
      response.writeHead(401).end('{"error":{"code":"UNAUTHENTICATED","message":"The token is missing or wrong"}}');
    });
    const { code, err } = await hive(["ls", "--queen", closed.url]);
    expect(err).toContain("--token-file");
    expect(code).toBe(1);
  });

  test("a machine is added by the built program: steps on stderr, where it runs on stdout; Ctrl-C leaves it to the queen", async () => {
    const queen = await aFakeQueen({
      script: (_, id) => [{ steps: [aStep("connect")], ...(id === "attic" ? { state: "succeeded" } : {}) }],
    });
    expect(await hive(["add", "ada@attic", "--label", "room=attic", "--queen", queen.url])).toMatchObject({
      ...{ code: 0, out: "attic runs at http://attic.lan:7835\n", err: expect.stringContaining("✓ connect") },
    });
    const slow = start(["add", "desk", "--queen", queen.url]);
    let err = "";
    slow.stderr?.once("data", () => slow.kill("SIGINT"));
    slow.stderr?.on("data", (piece) => {
      err += piece;
    });
    expect(await new Promise((resolve) => slow.on("close", resolve))).toBe(1);
    expect(err).toContain("The queen goes on with it. See how it goes: hive operations");
    expect(queen.operations[0]).toMatchObject({ hive_id: "desk", state: "running" });
  });

  test("hives.conf is found where settings lie; without one it is said how to write it, and a fault is told at its line", async () => {
    const queen = await aFakeQueen();
    const config = aFolder();
    const apply = (...more: string[]) => hive(["apply", "--queen", queen.url, ...more], { XDG_CONFIG_HOME: config });
    expect(await apply()).toMatchObject({ code: 1, err: expect.stringContaining("a line for each: Host NAME") });
    mkdirSync(join(config, "hive"));
    writeFileSync(join(config, "hive", "hives.conf"), "Host rack-1\n  Hots rack-2\n");
    expect(await apply()).toMatchObject({
      code: 1,
      err: expect.stringMatching(/hives\.conf:2: Hots is not known here/),
    });
    writeFileSync(join(config, "hive", "hives.conf"), "Host rack-1 rack-2\n");
    expect(await apply()).toMatchObject({ code: 2, err: expect.stringContaining("add --yes") });
    expect(await apply("--yes")).toMatchObject({ code: 0, out: expect.stringContaining("2 done, 0 failed") });
    expect(await apply("--yes")).toMatchObject({ code: 0, out: "Nothing to do: 2 machines as wanted.\n", err: "" });
  });

  test("nothing runs: down says so and that is no failure", async () => {
    expect(await hive(["down"])).toMatchObject({ code: 0, out: expect.stringContaining("Nothing of hive up runs") });
  });

  test("a reader that has had enough ends it quietly", async () => {
    const queen = await aQueen(Array.from({ length: 5_000 }, (_, at) => aHive({ hive_id: `hive-number-${at}` })));
    const child = start(["ls", "--queen", queen.url]);
    let err = "";
    child.stderr?.on("data", (piece) => {
      err += piece;
    });
    child.stdout?.once("data", () => child.stdout?.destroy());
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });

  test("a server in the foreground gets its flags and its signal, and its exit code is ours", async () => {
    const queen = start(["queen", "--port", "0"]);
    const ended = new Promise((resolve) => queen.on("close", resolve));
    const line = await new Promise<string>((resolve) => queen.stdout?.once("data", (piece) => resolve(String(piece))));
    expect(line).toMatch(/^listening on http:\/\/127\.0\.0\.1:\d+\n$/);
    queen.kill("SIGINT");
    expect(await ended).toBe(0);
    await expect(fetch(line.slice("listening on ".length).trim())).rejects.toThrow();
    expect(await hive(["agent", "--no-such-flag"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--no-such-flag"),
    });
  });
});
