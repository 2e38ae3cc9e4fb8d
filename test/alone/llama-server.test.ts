/** llama.cpp's own server with the demonstration model, beside a running queen and hive. */
import { spawnSync } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HiveWorker, WorkerInfo } from "@hive-registry/client";
import { ensureDemoModel } from "@hive-registry/worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { findLlamaServer, HOW_TO_GET_ONE, startLlamaServer } from "../support/llama-server.ts";
import type { Started } from "../support/processes.ts";
import { type AnAgent, type AQueen, aSteadyPort, aWorkplace, ROOT, Workplace } from "../support/workplace.ts";

const DISCOVERS = { env: { HIVE_DISCOVER: "true" } };
const program = findLlamaServer();
if (program === undefined) console.warn(`\n${HOW_TO_GET_ONE}\n`);
else withARealOne(program);

test("without a llama-server the tests say how to get one; one that is named must be there", () => {
  const { root } = aWorkplace();
  expect(findLlamaServer({ HIVE_LLAMA_SERVER_DIR: root })).toBeUndefined();
  expect(() => findLlamaServer({ HIVE_LLAMA_SERVER: join(root, "nowhere") })).toThrow("nowhere");
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const [, name = ""] = /`npm run ([\w-]+)`/.exec(HOW_TO_GET_ONE) ?? [];
  const [, script = "nothing"] = /^node (\S+)$/.exec(scripts[name] ?? "") ?? [];
  expect(existsSync(join(ROOT, script))).toBe(true);
});

function withARealOne(program: string): void {
  describe("a real llama-server beside a running hive", { timeout: 180_000 }, () => {
    let place: Workplace;
    let queen: AQueen;
    let agent: AnAgent;
    let model: string;

    beforeAll(async () => {
      place = new Workplace();
      queen = await place.queen();
      agent = await place.agent(queen.url, ["--id", "desk", "--no-demo"], DISCOVERS);
      model = (await ensureDemoModel(place.root)).path;
    });
    afterAll(() => place.end());

    /** One that serves the demonstration model by this name, on a port that the system chose, ready. */
    async function aServer(alias: string, ...words: readonly string[]): Promise<AServer> {
      return serverAt(startLlamaServer(program, place, ["-m", model, "--alias", alias, "--port", "0", ...words]));
    }

    test.each([
      ["with", ["--metrics"]],
      ["without", []],
    ])("is found, listed and used, and shows the streams that run, %s its metrics", async (how, words) => {
      const name = `demo-${how}`;
      // Shifting its context, it speaks on until who listens hangs up.
      const server = await aServer(name, "--context-shift", ...words);
      const found = await eventually("it is idle", async () => {
        const worker = await workerAt(queen, server.port);
        return worker?.state === "Idle" && worker.slots_busy === 0 && worker;
      });
      expect(found).toMatchObject({
        worker_id: `llama-server-${server.port}`,
        ...{ engine: "llama-server", model_id: name, slots_total: 4, health_status: "healthy", url: server.url },
      });
      const listed = await place.hive("workers", "--json", "--queen", queen.url);
      const ids = (JSON.parse(listed.stdout) as readonly HiveWorker[]).map(({ worker }) => worker.worker_id);
      expect(ids.filter((id) => id === found.worker_id)).toHaveLength(1);
      await speaks(queen, name);

      const streams = [await aStream(queen, name), await aStream(queen, name), await aStream(queen, name)];
      const busy = await eventually("three slots are busy", async () => {
        const worker = await workerAt(queen, server.port);
        return worker?.slots_busy === 3 && worker;
      });
      expect(busy).toMatchObject({ slots_total: 4, state: "Idle" });
      // The fourth slot is free, so this is answered while the others run.
      expect((await ask(queen, name)).status).toBe(200);
      for (const stream of streams) stream.hangUp();
      await eventually("none is busy", async () => (await workerAt(queen, server.port))?.slots_busy === 0);

      await server.end("SIGKILL");
      await eventually("it is gone", async () => (await workerAt(queen, server.port)) === undefined);
      expect((await ask(queen, name)).status).toBe(404);
    });

    test("is shown while it loads, gets no requests then, and is used when it is ready", async () => {
      const port = await aSteadyPort();
      // It reads this while it loads: a pipe that nobody fills holds it there.
      const pipe = aPipe(place, "lookup-cache");
      const words = ["-m", model, "--alias", "slow", "--port", String(port), "-lcs", pipe];
      const started = startLlamaServer(program, place, [...words, "--spec-type", "ngram-cache"]);
      const loading = await eventually("it is found", () => workerAt(queen, port));
      expect(loading).toMatchObject({ engine: "llama-server", state: "Loading" });
      expect(loading).not.toHaveProperty("url");
      expect((await ask(queen, "slow")).status).toBe(404);

      await fill(pipe);
      await serverAt(started);
      await eventually("it is ready", async () => (await workerAt(queen, port))?.state === "Idle");
      await speaks(queen, "slow");
      await started.end("SIGKILL");
    });

    test("that cannot load its model is gone when it gives up", async () => {
      const port = await aSteadyPort();
      const pipe = aPipe(place, "adapter");
      const started = startLlamaServer(program, place, ["-m", model, "--port", String(port), "--lora", pipe]);
      await eventually("it is found", () => workerAt(queen, port));
      await fill(pipe);
      expect((await started.exited).code).not.toBe(0);
      await eventually("it is gone", async () => (await workerAt(queen, port)) === undefined);
    });

    test("that sleeps is not woken by being looked at, and wakes for a request", async () => {
      const server = await aServer("sleepy", "--metrics", "--sleep-idle-seconds", "1");
      const fellAsleep = () => server.stderr().includes("entering sleeping state");
      const wokeUp = () => server.stderr().includes("exiting sleeping state");
      await eventually("it sleeps", fellAsleep);
      const lookedAt = new Set<string>();
      await eventually("it is looked at three times", async () => {
        const found = (await agent.client.workers()).find(({ worker }) => worker.worker_id.endsWith(`-${server.port}`));
        if (found !== undefined) lookedAt.add(found.worker.last_heartbeat);
        return lookedAt.size > 3;
      });
      expect(wokeUp()).toBe(false);
      await speaks(queen, "sleepy");
      await eventually("it tells that it woke", wokeUp);
      await server.end("SIGKILL");
    });
  });

  test("a real llama-server that demands a key is shown with what to do; hive.toml opens it", {
    timeout: 180_000,
  }, async () => {
    const place = aWorkplace();
    const queen = await place.queen();
    const { path } = await ensureDemoModel(place.root);
    const key = "key-that-nobody-must-see";
    const words = ["-m", path, "--alias", "vault", "--port", "0", "--metrics", "--api-key", key];
    const server = await serverAt(startLlamaServer(program, place, words));
    const stranger = await place.agent(queen.url, ["--no-demo"], DISCOVERS);
    const locked = await eventually("it is found", () => workerAt(queen, server.port));
    expect(locked).toMatchObject({ engine: "llama-server", health_status: "degraded" });
    expect(locked).not.toHaveProperty("url");
    const shown = (await stranger.client.workers()).find(({ worker }) => worker.worker_id === locked.worker_id);
    expect(shown?.error).toMatchObject({ code: "UNAUTHENTICATED", message: expect.stringContaining("[[server]]") });
    expect((await ask(queen, "vault")).status).not.toBe(200);
    await stranger.end();

    const file = place.file("vault.key", key);
    const config = place.file("hive.toml", `[[server]]\nurl = "${server.url}"\nkey_file = "${file}"\n`);
    const friend = await place.agent(queen.url, ["--no-demo", "--config", config, "--log-level", "trace"]);
    const open = await eventually("it is open", async () => {
      const worker = await workerAt(queen, server.port);
      return worker?.url !== undefined && worker;
    });
    expect(open).toMatchObject({ engine: "llama-server", model_id: "vault", state: "Idle", slots_total: 4 });
    await speaks(queen, "vault");
    const told = [open, await friend.client.workers(), await queen.client.listWorkers()];
    expect(JSON.stringify(told) + friend.stdout() + friend.stderr()).not.toContain(key);
    await server.end("SIGKILL");
  });
}

interface AServer extends Started {
  readonly url: string;
  readonly port: number;
}

/** Waits until it has loaded its model. */
async function serverAt(started: Started): Promise<AServer> {
  const url = await eventually("it listens", () => {
    if (started.child.exitCode !== null) throw new Error(`llama-server ended: ${started.stderr()}`);
    return /listening on (http:\S+)/.exec(started.stderr() + started.stdout())?.[1];
  });
  return { ...started, url, port: Number(new URL(url).port) };
}

/** What the queen knows of the server on this port. Others that run on this machine are somebody else's. */
const workerAt = async (queen: AQueen, port: number): Promise<WorkerInfo | undefined> =>
  (await queen.client.listWorkers()).find(({ worker }) => worker.worker_id.endsWith(`-${port}`))?.worker;

function ask(
  queen: AQueen,
  model: string,
  options: { readonly [name: string]: unknown } = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${queen.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Who are you?" }], ...options }),
    ...(signal && { signal }),
  });
}

/** Has the model say something. */
async function speaks(queen: AQueen, model: string): Promise<void> {
  const answer = await ask(queen, model);
  const said = { choices: [{ message: { content: expect.stringMatching(/\w+ \w+/) } }] };
  expect({ status: answer.status, body: await answer.json() }).toMatchObject({ status: 200, body: said });
}

/** An answer without an end, which somebody reads until they hang up. */
async function aStream(queen: AQueen, model: string): Promise<{ hangUp(): void }> {
  const hangUp = new AbortController();
  const answer = await ask(queen, model, { stream: true, max_tokens: -1, ignore_eos: true }, hangUp.signal);
  expect(answer.status).toBe(200);
  answer.body?.pipeTo(new WritableStream()).catch(() => undefined);
  return { hangUp: () => hangUp.abort() };
}

/** Who reads it waits until it is filled. */
function aPipe(place: Workplace, name: string): string {
  const path = join(place.root, name);
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  return path;
}

/** Who reads it finds it empty, and goes on. */
async function fill(pipe: string): Promise<void> {
  await eventually("somebody who reads the pipe", () => {
    try {
      closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENXIO") return false;
      throw error;
    }
  });
}
