import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { EXIT_CODE, workerCommand } from "./index.ts";
import { aFolder, endWorker, type Folder, spawnWorker, type WorkerProcess } from "./testing/a-worker.ts";
import { aQuestion, chat, events, failure, post, said, until } from "./testing/ask.ts";
import { endlessModel } from "./testing/endless-model.ts";

let folder: Folder;
beforeAll(async () => {
  folder = await aFolder();
});
afterAll(() => folder.remove());

const started: WorkerProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map(endWorker));
});

function start(args: readonly string[], options: Parameters<typeof spawnWorker>[1] = {}): WorkerProcess {
  const worker = spawnWorker(["--gpu", "off", "--port", "0", ...args], options);
  started.push(worker);
  return worker;
}

function lastLine(worker: WorkerProcess): string {
  return worker.stderr().trimEnd().split("\n").at(-1) ?? "";
}

describe("a worker that cannot serve ends with a code that says whether a restart would help", () => {
  async function endOf(
    args: readonly string[],
  ): Promise<{ readonly code: number | null; readonly last: string; readonly log: string }> {
    const worker = start(args);
    const { code } = await worker.exited;
    return { code, last: lastLine(worker), log: worker.stderr() };
  }

  test("a model that is not there", async () => {
    const path = join(folder.path, "none.gguf");
    const { code, last, log } = await endOf(["--model", path]);
    expect(code).toBe(EXIT_CODE.unservable);
    expect(last).toBe(`fatal: MODEL_NOT_FOUND: ${path}: there is no such file`);
    const lines = log
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ level: 60, code: "MODEL_NOT_FOUND" });
  });

  test("a file that is not a GGUF", async () => {
    const path = join(folder.path, "page.gguf");
    await writeFile(path, "<html>not found</html>");
    expect(await endOf(["--model", path])).toMatchObject({
      code: 78,
      last: expect.stringMatching(/^fatal: MODEL_INVALID: .*page\.gguf/),
    });
  });

  test("a file that was cut off", async () => {
    const path = join(folder.path, "half.gguf");
    const whole = await readFile(folder.modelPath);
    await writeFile(path, whole.subarray(0, whole.length / 2));
    expect(await endOf(["--model", path])).toMatchObject({
      code: 78,
      last: expect.stringMatching(/^fatal: MODEL_TRUNCATED: .*half\.gguf is cut off/),
    });
  });

  test("a GGUF that llama.cpp refuses", async () => {
    const path = join(folder.path, "alien.gguf");
    const alien = await readFile(folder.modelPath);
    alien.write("llamx", alien.indexOf("llama"));
    await writeFile(path, alien);
    expect(await endOf(["--model", path])).toMatchObject({
      code: 78,
      last: expect.stringMatching(/^fatal: MODEL_INVALID: .*unknown model architecture: 'llamx'/),
    });
  });

  test("a port that is taken: one clear line with the port and the flag", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as AddressInfo;
    try {
      const end = await endOf(["--model", folder.modelPath, "--port", String(port)]);
      expect(end).toMatchObject({
        code: 1,
        last: `fatal: PORT_IN_USE: port ${port} is taken: choose another with --port`,
      });
    } finally {
      holder.close();
    }
  });

  test("an engine that is not installed", async () => {
    const hook = `export async function resolve(name, context, next) {
      if (name !== "node-llama-cpp") return next(name, context);
      throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
    }`;
    const asModule = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
    const register = `import { register } from "node:module"; register(${JSON.stringify(asModule(hook))});`;
    const worker = start(["--model", folder.modelPath], { env: { NODE_OPTIONS: `--import ${asModule(register)}` } });
    expect((await worker.exited).code).toBe(EXIT_CODE.unservable);
    expect(lastLine(worker)).toMatch(/^fatal: ENGINE_MISSING: node-llama-cpp is not installed/);
  });

  test("wrong usage", async () => {
    expect(await endOf([])).toMatchObject({ code: 2, last: expect.stringMatching(/^fatal: USAGE: .*--model/) });
  });
});

test("it says where it listens when the model is ready, and serves there", async () => {
  const worker = start(["--model", folder.modelPath, "--alias", "toy", "--slots", "2"], {
    env: { HIVE_TOKEN: "t0ken" },
  });
  const url = await worker.url;
  expect((await fetch(`${url}/v1/models`)).status).toBe(401);
  const headers = { authorization: "Bearer t0ken" };
  expect(await (await fetch(`${url}/v1/models`, { headers })).json()).toMatchObject({ data: [{ id: "toy" }] });
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({
    status: "ok",
    model: "toy",
    slots_total: 2,
    slots_idle: 2,
  });
  const response = await post(`${url}/v1/chat/completions`, aQuestion("Hi", { model: "toy" }), { headers });
  expect(await response.json()).toMatchObject({ choices: [{ finish_reason: "stop" }] });
});

test("the demonstration model is made on the spot when it is asked for by its id", async () => {
  const worker = start(["--model", "hive-demo"], { env: { XDG_STATE_HOME: join(folder.path, "state") } });
  expect(said(await chat(await worker.url, aQuestion("Hi", { model: "hive-demo" })))).toMatch(
    /^Hello from the demonstration model/,
  );
  expect(
    (await readFile(join(folder.path, "state", "hive", "models", "hive-demo.gguf"))).subarray(0, 4).toString(),
  ).toBe("GGUF");
});

/** Requests that have reached the worker: at work, waiting or answered. */
async function arrived(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const counted = /^hive_registry_worker_(slots_busy|queue_depth|requests_total\{.*\}) (\d+)$/gm;
  return [...metrics.matchAll(counted)].reduce((sum, [, , count]) => sum + Number(count), 0);
}

test("SIGTERM lets answers end, takes no new work, and ends with 0", async () => {
  const worker = start(["--model", folder.modelPath, "--slots", "1"]);
  const url = await worker.url;
  const answers = Array.from({ length: 6 }, () => chat(url, aQuestion("Hi")));
  await until("all of them arrived", async () => (await arrived(url)) === 6);
  worker.child.kill("SIGTERM");
  for (const answer of await Promise.all(answers)) expect(said(answer)).toMatch(/^Hello from .* I step aside\.$/);
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

test("an answer without end is broken off with an error, in a few seconds", async () => {
  const worker = start(["--model", await endlessModel(folder.path), "--slots", "1", "--context-tokens", "1000000"]);
  const url = await worker.url;
  const broken = post(`${url}/v1/chat/completions`, aQuestion("Hi", { stream: true })).then(events);
  await until("it runs", async () => (await arrived(url)) === 1);
  worker.child.kill("SIGTERM");
  await worker.says("stopping");
  const late = await post(`${url}/v1/chat/completions`, aQuestion("Me too")).then(failure, () => "refused" as const);
  if (late !== "refused") expect(late).toMatchObject({ status: 503, code: "draining" });
  expect(JSON.parse((await broken).at(-1)!)).toMatchObject({ error: { code: "draining" } });
  expect(await worker.exited).toEqual({ code: 0, signal: null });
});

test("with --exit-with-parent it ends when its stdin closes", async () => {
  const worker = start(["--model", folder.modelPath, "--exit-with-parent"], { stdin: "pipe" });
  await worker.url;
  worker.child.stdin!.end();
  expect(await worker.exited).toEqual({ code: 0, signal: null });
});

test("with --exit-with-parent it ends when its parent is killed, even without a pipe between them", async () => {
  const args = [workerCommand(), "--gpu", "off", "--port", "0", "--model", folder.modelPath, "--exit-with-parent"];
  const script = `
    const child = require("node:child_process").spawn(process.execPath, ${JSON.stringify(args)}, { stdio: ["ignore", "pipe", "ignore"] });
    child.stdout.on("data", (text) => process.stdout.write(child.pid + " " + text));
  `;
  const parent = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(parent.stdout!.setEncoding("utf8"), "data")) as [string];
  const [, pid, url] = /^(\d+) listening on (\S+)/.exec(line)!;
  parent.kill("SIGKILL");
  try {
    await until("it is gone", () =>
      fetch(`${url}/health`).then(
        () => false,
        () => true,
      ),
    );
    await until("the process ended", () => !isAlive(Number(pid)));
  } finally {
    if (isAlive(Number(pid))) process.kill(Number(pid), "SIGKILL");
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("the package's index loads neither llama.cpp nor the HTTP server", async () => {
  const index = workerCommand().replace(/main\.js$/, "index.js");
  const script = `
    const { ensureDemoModel } = await import(${JSON.stringify(index)});
    console.log(typeof ensureDemoModel, process.moduleLoadList.filter((name) => /NativeModule (http|net)$/.test(name)).length);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [text] = (await once(child.stdout!.setEncoding("utf8"), "data")) as [string];
  expect(text.trim()).toBe("function 0");
});
