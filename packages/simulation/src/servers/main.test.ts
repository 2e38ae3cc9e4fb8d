import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { CONTROL_PATH } from "./emulator.ts";
import { look, post, QUESTION } from "./testing/an-emulator.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/servers/main.js", import.meta.url));

interface Program {
  readonly process: ChildProcess;
  readonly said: () => string;
  readonly complained: () => string;
  /** Status or signal. */
  readonly ended: Promise<number | string>;
  /** Where it listens. */
  address(): Promise<{ readonly url: string }>;
}

const aProgram = (...args: readonly string[]): Program => runs(PROGRAM, ...args);

/** It ends with the test. */
function runs(...args: readonly string[]): Program {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const texts = { said: "", complained: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.said += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.complained += text;
  });
  const ended = once(child, "close").then(([status, signal]) => (status ?? signal) as number | string);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const said = () => texts.said;
  return {
    ...{ process: child, said, complained: () => texts.complained, ended },
    address: async () => ({
      url: await eventually("its address", () => /^listening on (http:\S+)\n/m.exec(said())?.[1]),
    }),
  };
}

/** A port that was free a moment ago. */
async function aFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("it says where it listens, answers as its kind does, and ends when it is asked to", async () => {
  const program = aProgram("--engine", "llama-server", "--slots", "2", "--models", "a,b", "--answer-tokens", "3");
  const server = await program.address();
  expect(program.said()).toBe(`listening on ${server.url}\n`);
  expect((await look(server, "/props")).json).toMatchObject({ total_slots: 2, model_alias: "a" });
  const answer = await (await post(server, "/v1/chat/completions", QUESTION)).json();
  expect(answer.usage.completion_tokens).toBe(3);
  expect((await look(server, CONTROL_PATH)).json).toMatchObject({ asked: { "/v1/chat/completions": 1 } });
  program.process.kill("SIGTERM");
  expect(await program.ended).toBe(0);
  await expect(fetch(`${server.url}/props`)).rejects.toThrow();
});

test("it ends in the middle of answers and of lateness", async () => {
  const program = aProgram("--engine", "ollama", "--tokens-per-second", "1");
  const server = await program.address();
  const cut = post(server, "/v1/chat/completions", { ...QUESTION, stream: true }).then((one) => one.text());
  cut.catch(() => undefined);
  await eventuallyRuns(server);
  await post(server, CONTROL_PATH, { state: "slow", slow_ms: 600_000 });
  const late = look(server, "/api/version");
  late.catch(() => undefined);
  program.process.kill("SIGINT");
  expect(await program.ended).toBe(0);
  await expect(cut).rejects.toThrow();
  await expect(late).rejects.toThrow();
});

test("a silent one says that it listens when it has loaded, and its port refuses before", async () => {
  const port = await aFreePort();
  const program = aProgram("--engine", "vllm", "--port", String(port), "--load-ms", "200", "--key", "secret");
  const server = await program.address();
  expect(server.url).toBe(`http://127.0.0.1:${port}`);
  expect((await look(server, "/health")).status).toBe(200);
  expect((await look(server, "/v1/models")).status).toBe(401);
});

test("one that is asked to end while it loads never says that it listens", async () => {
  const program = aProgram("--engine", "tgi", "--load-ms", "600000");
  await eventually("that it loads", () => program.complained().startsWith("loading; http://127.0.0.1:"));
  program.process.kill("SIGTERM");
  expect(await program.ended).toBe(0);
  expect(program.said()).toBe("");
});

test("its children are processes of their own, which end with it however it ends", async () => {
  const program = aProgram("--engine", "ollama", "--models", "a,b", "--children", "2");
  const server = await program.address();
  const { children } = (await look(server, CONTROL_PATH)).json as { readonly children: readonly string[] };
  expect(children).toHaveLength(2);
  for (const url of children) expect((await look({ url }, "/health")).headers.get("server")).toBe("llama.cpp");
  const names = await Promise.all(children.map(async (url) => (await look({ url }, "/v1/models")).json));
  expect(names).toMatchObject([{ data: [{ id: "a" }] }, { data: [{ id: "b" }] }]);
  program.process.kill("SIGKILL");
  expect(await program.ended).toBe("SIGKILL");
  for (const url of children) await isGone(url);
});

test("told to, it ends with the process that started it", async () => {
  const script = `
    const { spawn } = require("node:child_process");
    spawn(process.execPath, ${JSON.stringify([PROGRAM, "--engine", "ollama", "--exit-with-parent"])}, { stdio: "inherit" });
    setInterval(() => undefined, 60_000);
  `;
  const program = runs("-e", script);
  const { url } = await program.address();
  expect((await look({ url }, "/")).text).toBe("Ollama is running");
  program.process.kill("SIGKILL");
  await isGone(url);
});

test("asked to end, it waits for its children's end", async () => {
  const program = aProgram("--engine", "llama-swap", "--children", "1");
  const server = await program.address();
  const { running } = (await look(server, "/running")).json as { readonly running: readonly { proxy: string }[] };
  const url = running[0]?.proxy as string;
  expect((await look({ url }, "/health")).status).toBe(200);
  program.process.kill("SIGTERM");
  expect(await program.ended).toBe(0);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

test.each([
  ["no kind", []],
  ["a kind that is none", ["--engine", "abacus"]],
  ["an unknown flag", ["--engine", "vllm", "--fast"]],
  ["a word too many", ["--engine", "vllm", "now"]],
  ["a port that is none", ["--engine", "vllm", "--port", "65536"]],
  ["no slots", ["--engine", "vllm", "--slots", "0"]],
  ["too many children", ["--engine", "vllm", "--children", "17"]],
])("%s: it says how it is used, and ends with 2", async (_name, args) => {
  const program = aProgram(...args);
  expect(await program.ended).toBe(2);
  expect(program.complained()).toContain("Usage: main.js --engine KIND");
  expect(program.said()).toBe("");
});

test("a port that is taken: it says so in one line, and ends with 1", async () => {
  const { url } = await aProgram("--engine", "ollama").address();
  const program = aProgram("--engine", "vllm", "--port", new URL(url).port);
  expect(await program.ended).toBe(1);
  expect(program.complained()).toMatch(/^listen EADDRINUSE.*\n$/);
});

test("asked for help, it helps and ends with 0", async () => {
  const program = aProgram("--help");
  expect(await program.ended).toBe(0);
  expect(program.said()).toContain("--engine KIND");
});

async function eventuallyRuns(server: { readonly url: string }): Promise<void> {
  for (;;) {
    const { running } = (await look(server, CONTROL_PATH)).json as { readonly running: number };
    if (running === 1) return;
  }
}

async function isGone(url: string): Promise<void> {
  let gone = false;
  const ask = () =>
    fetch(url).then(
      () => undefined,
      () => {
        gone = true;
      },
    );
  await eventually("a child's end", () => {
    void ask();
    return gone;
  });
}
