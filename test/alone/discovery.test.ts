/** Inference servers that people start by themselves, as processes, beside a running queen and hive. */
import { join } from "node:path";
import { connect } from "@hive-registry/client";
import { EMULATOR_KINDS, type EmulatorKind, type EmulatorOrder } from "@hive-registry/simulation";
import { ensureDemoModel } from "@hive-registry/worker";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { gone, type Started } from "../support/processes.ts";
import { type AnAgent, type AQueen, aWorkplace, ROOT, Workplace } from "../support/workplace.ts";

const EMULATOR = join(ROOT, "packages/simulation/dist/servers/main.js");
const DISCOVERS = { env: { HIVE_DISCOVER: "true" } };

interface AServer extends Started {
  readonly url: string;
  readonly port: number;
  /** Switches what it is from now on. */
  be(order: EmulatorOrder): Promise<void>;
}

/** A server of this kind on a port that the system chose: never the kind's own. */
async function aServer(place: Workplace, kind: EmulatorKind, ...words: readonly string[]): Promise<AServer> {
  const started = place.start(EMULATOR, ["--engine", kind, "--port", "0", ...words]);
  const url = (await started.says(/^listening on (\S+)$/m))[1] as string;
  return {
    ...{ ...started, url, port: Number(new URL(url).port) },
    be: async (order) => {
      const answer = await fetch(`${url}/__emulator`, { method: "POST", body: JSON.stringify(order) });
      expect([answer.status, await answer.text()]).toEqual([200, expect.anything()]);
    },
  };
}

/** What the queen knows of the server on this port. Others that run on this machine are somebody else's. */
const workerAt = async (queen: AQueen, port: number) =>
  (await queen.client.listWorkers()).find(({ worker }) => worker.worker_id.endsWith(`-${port}`))?.worker;

const ask = (queen: AQueen, model: string, stream = false, signal: AbortSignal | null = null) =>
  fetch(`${queen.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content: "hello" }] }),
    signal,
  });

describe("beside a running hive", { timeout: 120_000 }, () => {
  let place: Workplace;
  let queen: AQueen;
  let agent: AnAgent;

  beforeAll(async () => {
    place = new Workplace();
    queen = await place.queen();
    agent = await place.agent(queen.url, ["--id", "desk", "--no-demo"], DISCOVERS);
  });
  afterAll(() => place.end());

  test("all twelve kinds of servers are found at once, each once, each as what it is, and answer through the queen", async () => {
    const servers = await Promise.all(
      // Two of them serve a model of the same name.
      EMULATOR_KINDS.map(async (kind) => ({
        kind,
        model: kind === "vllm" || kind === "sglang" ? "shared" : `of-${kind}`,
        ...(await aServer(place, kind, "--models", kind === "vllm" || kind === "sglang" ? "shared" : `of-${kind}`)),
      })),
    );
    const ports = new Set(servers.map(({ port }) => String(port)));
    const own = async () =>
      (await queen.client.listWorkers())
        .map(({ worker }) => worker)
        .filter(({ worker_id }) => ports.has(worker_id.split("-").at(-1) ?? ""));
    await eventually("twelve workers", async () => (await own()).length === EMULATOR_KINDS.length);
    const workers = await own();
    for (const { kind, port } of servers) {
      const mine = workers.filter(({ worker_id }) => worker_id.endsWith(`-${port}`));
      expect(mine.map(({ worker_id, engine, state }) => [worker_id, engine, state])).toEqual([
        [`${kind}-${port}`, kind, "Idle"],
      ]);
    }
    for (const { port, model } of servers) {
      const worker = workers.find(({ worker_id }) => worker_id.endsWith(`-${port}`));
      const answer = await ask(queen, worker?.model_id ?? model);
      expect([worker?.engine, answer.status]).toEqual([worker?.engine, 200]);
      await answer.body?.cancel();
    }
    expect((await agent.client.workers()).filter(({ managed }) => managed)).toEqual([]);

    for (const { child } of servers) child.kill("SIGKILL");
    await gone(...servers.map(({ pid }) => pid));
    await eventually("none of them is listed", async () => (await own()).length === 0);
  });

  test("a server that is killed is not routed to any more, and back it has the same name", async () => {
    const first = await aServer(place, "llama-server", "--models", "phoenix");
    const before = await eventually("it is found", () => workerAt(queen, first.port));
    expect(before).toMatchObject({ model_id: "phoenix", slots_busy: 0, url: first.url });
    await first.end("SIGKILL");
    await eventually("it is gone", async () => (await workerAt(queen, first.port)) === undefined);
    expect((await ask(queen, "phoenix")).status).toBe(404);
    const again = place.start(EMULATOR, [
      "--engine",
      "llama-server",
      "--port",
      String(first.port),
      "--models",
      "phoenix",
    ]);
    const after = await eventually("it is back", () => workerAt(queen, first.port));
    expect(after.worker_id).toBe(before.worker_id);
    await again.end("SIGKILL");
  });

  test("the load that is told is the load that there is: of four slots three run", async () => {
    const server = await aServer(
      place,
      ...(["llama-server", "--models", "slow", "--slots", "4", "--tokens-per-second", "2"] as const),
    );
    await eventually("it is found", () => workerAt(queen, server.port));
    const hangUp = new AbortController();
    const streams = [1, 2, 3].map(() => ask(queen, "slow", true, hangUp.signal));
    const answers = await Promise.all(streams);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const loaded = await eventually("three slots are busy", async () => {
      const worker = await workerAt(queen, server.port);
      return worker?.slots_busy === 3 && worker;
    });
    expect(loaded).toMatchObject({ slots_total: 4, state: "Idle" });
    hangUp.abort();
    await Promise.all(answers.map(({ body }) => body?.cancel().catch(() => {})));
    await eventually("none is busy", async () => (await workerAt(queen, server.port))?.slots_busy === 0);
    await server.end("SIGKILL");
  });

  test("a server that loads is shown, and used when it is ready; one that breaks is used no more", async () => {
    const server = await aServer(place, "llama-server", "--models", "big", "--load-ms", "2500");
    const loading = await eventually("it is found", () => workerAt(queen, server.port));
    expect(loading).toMatchObject({ state: "Loading", engine: "llama-server" });
    expect(loading).not.toHaveProperty("url");
    await eventually("it is ready", async () => (await workerAt(queen, server.port))?.state === "Idle");
    await server.be({ state: "broken" });
    const broken = await eventually("it is broken", async () => {
      const worker = await workerAt(queen, server.port);
      return worker?.health_status === "degraded" && worker;
    });
    expect(broken).not.toHaveProperty("url");
    await server.be({ state: "ready" });
    await eventually("it is well", async () => (await workerAt(queen, server.port))?.state === "Idle");
    await server.end("SIGKILL");
  });

  test("what a server loads and unloads is told as it happens; what it could load is its library", async () => {
    const server = await aServer(place, "ollama", "--models", "one,two");
    const found = await eventually("it is found", () => workerAt(queen, server.port));
    expect(found.model_id).toBe("one");
    const { library } = (await agent.client.workers()).find(({ worker }) => worker.worker_id === found.worker_id) ?? {};
    expect(library?.map(({ id, loaded }) => [id, loaded])).toEqual([
      ["one", true],
      ["two", false],
    ]);
    await server.be({ loaded: ["two"] });
    await eventually("two is served", async () => (await workerAt(queen, server.port))?.model_id === "two");
    await server.end("SIGKILL");
  });
});

test("what a server started, and what the hive started, is not found a second time", { timeout: 120_000 }, async () => {
  const place = aWorkplace();
  const queen = await place.queen();
  const agent = await place.agent(queen.url, ["--no-demo"], DISCOVERS);
  const { path } = await ensureDemoModel(place.root);
  await agent.client.startWorker({ model: path, worker_id: "own", wait: true });
  const parent = await aServer(place, "ollama", "--children", "2");
  await eventually("the parent is found", () => workerAt(queen, parent.port));
  // What comes later is found after whatever came before.
  const last = await aServer(place, "llama-server");
  await eventually("the last one is found", () => workerAt(queen, last.port));

  const mine = new Set(place.pids());
  const found = (await agent.client.workers()).filter(({ pid }) => pid !== undefined && mine.has(pid));
  const ids = found.map(({ worker }) => worker.worker_id).toSorted();
  expect(ids).toEqual([`llama-server-${last.port}`, `ollama-${parent.port}`, "own"]);
});

describe("a server that demands a key", { timeout: 120_000 }, () => {
  const KEY = "key-that-nobody-must-see";

  test("and is named in hive.toml with it, is used, and nobody sees the key", async () => {
    const place = aWorkplace();
    const queen = await place.queen();
    const server = await aServer(place, "vllm", "--models", "vault", "--key", KEY);
    const key = place.file("vault.key", KEY);
    const config = place.file("hive.toml", `[[server]]\nurl = "${server.url}"\nkey_file = "${key}"\n`);
    const agent = await place.agent(queen.url, ["--no-demo", "--config", config, "--log-level", "trace"]);
    const worker = await eventually("it is found", () => workerAt(queen, server.port));
    expect(worker).toMatchObject({ engine: "vllm", state: "Idle", url: `${agent.url}/v1/servers/vllm-${server.port}` });

    const answer = await ask(queen, "vault", true);
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("data: [DONE]")]);
    const shown = [
      worker,
      await agent.client.workers(),
      await queen.client.listWorkers(),
      agent.stderr(),
      agent.stdout(),
    ];
    expect(JSON.stringify(shown)).not.toContain(KEY);
  });

  test("is used through a hive that demands the fleet's token, by the queen and straight from the SDK", async () => {
    const place = aWorkplace();
    const token = "a-token-that-is-long-enough-for-anybody";
    const file = place.file("token", token);
    const queen = await place.queen(["--catalog", "memory", "--token-file", file], { token });
    const locked = await aServer(place, "vllm", "--models", "vault", "--key", KEY);
    const key = place.file("vault.key", KEY);
    const config = place.file("hive.toml", `[[server]]\nurl = "${locked.url}"\nkey_file = "${key}"\n`);
    const words = ["--no-demo", "--config", config, "--token-file", file, "--listen", "0.0.0.0", "--label", "zone=eu"];
    const agent = await place.agent(queen.url, words, { token });
    const worker = await eventually("it is found", () => workerAt(queen, locked.port));
    const url = `http://127.0.0.1:${new URL(agent.url).port}/v1/servers/vllm-${locked.port}`;
    expect(worker).toMatchObject({ engine: "vllm", state: "Idle", url });

    const body = JSON.stringify({ model: "vault", messages: [{ role: "user", content: "hello" }] });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body };
    const stranger = await fetch(`${url}/v1/chat/completions`, init);
    expect(stranger.status).toBe(401);
    const headers = { ...init.headers, authorization: `Bearer ${token}`, "x-hive-labels": "zone=eu" };
    const answer = await fetch(`${queen.url}/v1/chat/completions`, { ...init, headers });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("choices")]);

    const fleet = connect(queen.url, { token });
    onTestFinished(() => fleet.close());
    await fleet.ready;
    const direct = await fleet.fetch("/v1/chat/completions", init);
    expect([direct.status, await direct.text()]).toEqual([200, expect.stringContaining("choices")]);
  });

  test("is shown with what to do, and gets no requests", async () => {
    const place = aWorkplace();
    const queen = await place.queen();
    const server = await aServer(place, "vllm", "--models", "locked", "--key", KEY);
    const agent = await place.agent(queen.url, ["--no-demo"], DISCOVERS);
    const worker = await eventually("it is found", () => workerAt(queen, server.port));
    expect(worker).toMatchObject({ engine: "vllm", health_status: "degraded" });
    expect(worker).not.toHaveProperty("url");
    const shown = (await agent.client.workers()).find((one) => one.worker.worker_id === worker.worker_id);
    expect(shown?.error).toMatchObject({ code: "UNAUTHENTICATED", message: expect.stringContaining("[[server]]") });
  });
});

describe("hive up", { timeout: 180_000 }, () => {
  test("uses a server that runs already, and starts no demonstration model", async () => {
    const place = aWorkplace();
    const server = await aServer(place, "ollama", "--models", "mine");
    const up = place.start(
      join(ROOT, "packages/cli/dist/main.js"),
      ["up", "--port", "0", "--hive-port", "0"],
      DISCOVERS,
    );
    const [, worker] = await up.says(/found ollama here: worker (\S+) is ready with mine/);
    const queenUrl = (await up.says(/queen listens on (\S+)/))[1];
    const { workers } = (await (await fetch(`${queenUrl}/api/v1/workers`)).json()) as {
      readonly workers: readonly { readonly worker: { readonly worker_id: string; readonly engine?: string } }[];
    };
    const ids = workers.map((one) => one.worker.worker_id);
    expect(ids).toContain(`ollama-${server.port}`);
    expect(worker).toBe(`ollama-${server.port}`);
    expect(place.running().filter((words) => words.includes("packages/worker"))).toEqual([]);
    await up.end();
  });
});
