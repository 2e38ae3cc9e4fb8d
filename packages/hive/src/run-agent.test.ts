/** The built program as its users start it, with the real bundled worker. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { aQueen, isFull } from "./heartbeat/testing/fake-queen.ts";
import { ask } from "./testing/a-hive.ts";
import { eventually } from "./testing/eventually.ts";
import { aFolder, lives } from "./workers/testing/fake-worker.ts";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
/** The engine loads within this on a slow machine. */
const READY_MS = 60_000;

interface Program {
  readonly child: ChildProcess;
  readonly dir: string;
  readonly ended: Promise<number | null>;
  out(): string;
  err(): string;
}

function aProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}, dir = aFolder()): Program {
  const base = [
    "--state-dir",
    dir,
    "--port",
    "0",
    "--worker-port-start",
    "0",
    "--id",
    "desk",
    "--nvidia-smi",
    "/nowhere/nvidia-smi",
  ];
  const child = spawn(process.execPath, [MAIN, ...base, ...args], {
    // Servers of other tests run on the same machine.
    env: { PATH: process.env.PATH, HOME: dir, XDG_CONFIG_HOME: dir, HIVE_DISCOVER: "false", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (bytes) => {
    out += bytes;
  });
  child.stderr.on("data", (bytes) => {
    err += bytes;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", (code) => resolve(code)));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return { child, dir, ended, out: () => out, err: () => err };
}

const urlOf = (program: Program): Promise<string> =>
  eventually("it listens", () => /^listening on (http:\/\/\S+)\n$/.exec(program.out())?.[1], READY_MS);

/** The demonstration worker, once it answers. */
const demoOf = (url: string) =>
  eventually(
    "the demonstration worker is idle",
    async () => {
      const { json } = await ask(url, "GET", "/v1/workers/demo");
      return json.worker?.state === "Idle" && json;
    },
    READY_MS,
  );

describe("the agent", () => {
  test("serves a real model to a queen's clients, and SIGTERM ends it in order", { timeout: 120_000 }, async () => {
    const queen = await aQueen({ next_heartbeat_ms: 60_000 });
    const program = aProgram(["--queen", queen.url]);
    const url = await urlOf(program);
    const demo = await demoOf(url);
    const { beat } = await queen.hears("the worker is idle", (one) => isFull(one) && one.workers[0]?.state === "Idle");
    const worker = isFull(beat) ? beat.workers[0] : undefined;
    expect(worker).toMatchObject({ worker_id: "demo", backend: "cpu", engine: "llama-cpp" });
    const messages = [{ role: "user", content: "Hello" }];
    const answer = await ask(worker?.url ?? "", "POST", "/v1/chat/completions", { model: worker?.model_id, messages });
    expect(answer.json.choices[0].message.content).toMatch(/\w+/);
    expect(existsSync(join(program.dir, "hive-desk.pid"))).toBe(true);

    program.child.kill("SIGTERM");
    expect(await program.ended).toBe(0);
    expect(lives(demo.pid)).toBe(false);
    expect(queen.latest).toMatchObject({ goodbye: true });
    expect(queen.faults).toEqual([]);
    expect(existsSync(join(program.dir, "hive-desk.pid"))).toBe(false);
    expect(program.out()).toBe(`listening on ${url}\n`);
    for (const line of program.err().trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("msg");
  });

  test("that is killed leaves no worker behind, and the next one of its name starts", {
    timeout: 120_000,
  }, async () => {
    const program = aProgram([]);
    const { pid } = await demoOf(await urlOf(program));
    expect(lives(pid)).toBe(true);
    program.child.kill("SIGKILL");
    await program.ended;
    await eventually("its worker is gone too", () => !lives(pid));
    const next = aProgram(["--no-demo"], {}, program.dir);
    expect((await ask(await urlOf(next), "GET", "/v1/workers")).json.workers).toEqual([]);
  });

  test("tells a truncated model from a good one, and does not try it again", { timeout: 120_000 }, async () => {
    const program = aProgram([]);
    const url = await urlOf(program);
    await demoOf(url);
    const cut = join(program.dir, "cut.gguf");
    writeFileSync(cut, readFileSync(join(program.dir, "models", "hive-demo.gguf")));
    truncateSync(cut, 200_000);
    const answer = await ask(url, "POST", "/v1/workers", { model: cut, wait: true });
    expect(answer.json.error.code).toBe("MODEL_TRUNCATED");
    expect(answer.status).toBe(422);
    expect((await ask(url, "GET", "/v1/workers/cut")).json).toMatchObject({ phase: "failed", restarts: 0 });
  });

  test("is stopped by its API too", async () => {
    const program = aProgram(["--no-demo"]);
    const url = await urlOf(program);
    expect((await ask(url, "POST", "/v1/shutdown", undefined, { "x-hive-shutdown": "yes" })).status).toBe(202);
    expect(await program.ended).toBe(0);
  });
});

describe("a start that cannot be", () => {
  test("because the port is taken says so in one line that names port and flag, and fails", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const program = aProgram(["--port", String(port), "--log-level", "silent", "--no-demo"]);
    expect(await program.ended).toBe(1);
    expect(program.err()).toBe(`hive-agent: port ${port} is taken: choose another with --port\n`);
    expect(program.out()).toBe("");
  });

  test("because it runs already says where", async () => {
    const first = aProgram(["--no-demo"]);
    const url = await urlOf(first);
    const second = aProgram(["--no-demo", "--log-level", "silent"], {}, first.dir);
    expect(await second.ended).toBe(1);
    expect(second.err()).toBe(`hive-agent: The hive desk runs already, at ${url}\n`);
  });

  test("because its model is missing names it", async () => {
    const program = aProgram(["--model", "/nowhere/x.gguf", "--log-level", "silent"]);
    expect(await program.ended).toBe(1);
    expect(program.err()).toBe("hive-agent: There is no model file /nowhere/x.gguf\n");
  });

  test.each([
    [["--port", "many"], "--port must be a port"],
    [["--nonsense"], "unknown option '--nonsense'"],
    [["--listen", "0.0.0.0"], "--listen 0.0.0.0 needs a token"],
    [["--id", "../x"], "--id must start with"],
    [["--config", "/nowhere/hive.toml"], "there is no file /nowhere/hive.toml"],
    [["--token-file", "/nowhere/token"], "cannot be read"],
    [["stray"], "too many arguments"],
  ])("because it is called wrongly ends with 2 and says what is wrong: %j", async (args, message) => {
    const program = aProgram(args);
    expect(await program.ended).toBe(2);
    expect(program.err()).toContain(message);
    expect(program.out()).toBe("");
  });
});

test("--help and --version answer and end well", async () => {
  const help = aProgram(["--help"]);
  expect(await help.ended).toBe(0);
  expect(help.out()).toContain("--advertise <host>");
  const version = aProgram(["--version"]);
  expect(await version.ended).toBe(0);
  expect(version.out()).toMatch(/^\d+\.\d+\.\d+\n$/);
});
