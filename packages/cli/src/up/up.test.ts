import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HiveClient, type ManagedWorker, type WorkerInfo } from "@hive-registry/client";
import { isAlive, recordOf } from "@hive-registry/lifecycle";
import { describe, expect, onTestFinished, test } from "vitest";
import { startServer } from "../servers/server-process.ts";
import { pause } from "../terminal.ts";
import { aHive, aManagedWorker, aPage, aWorker, silentProgress } from "../testing/fakes.ts";
import { aServer } from "../testing/server.ts";
import { detach, down } from "./detach.ts";
import { whatRuns } from "./running.ts";
import { claimUpState, leftBehind, markOfUp, readUpState, runningUp, stateFile, type UpState } from "./state.ts";
import { type UpDeps, type UpOptions, up } from "./up.ts";

const fakeServer = fileURLToPath(new URL("../testing/fake-server.mjs", import.meta.url));
const fakeUp = fileURLToPath(new URL("../testing/fake-up.mjs", import.meta.url));
const names = { command: "hive", token: undefined };

function aStateDir(): string {
  const directory = mkdtempSync(join(tmpdir(), "hive-up-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Story {
  readonly traits?: Readonly<Record<string, readonly string[]>>;
  readonly workers?: readonly WorkerInfo[];
  readonly managed?: readonly ManagedWorker[];
  readonly options?: Partial<UpOptions>;
}

/** `hive up` with real processes that stand for its servers, and a fleet that is as the story says. */
function anUp({
  traits = {},
  workers = [aWorker({ worker_id: "demo", model_id: "hive-demo" })],
  managed = [],
  options = {},
}: Story) {
  const stateDir = aStateDir();
  const trace = join(stateDir, "trace");
  writeFileSync(trace, "");
  const page = aPage();
  const [first, second] = [new AbortController(), new AbortController()];
  const pids: number[] = [];
  onTestFinished(() => {
    for (const pid of pids.filter((one) => isAlive(recordOf(one, Date.now())))) process.kill(pid, "SIGKILL");
  });
  const deps: UpDeps = {
    ...page,
    names,
    nowMs: Date.now,
    pause,
    progress: (print) => silentProgress(print),
    start(name, args) {
      const server = startServer({
        name,
        command: [process.execPath, fakeServer, name, ...(traits[name] ?? []), "--", ...args],
        env: { ...process.env, FAKE_TRACE: trace },
        logFile: join(stateDir, "logs", `${name}.log`),
      });
      pids.push(server.pid);
      return server;
    },
    clientAt: () => ({ listHives: async () => [aHive()], hiveWorkers: async () => workers }),
    hiveAt: () => ({ workers: async () => managed, health: async () => ({ hive_id: "desk" }) }),
    interrupt: { first: first.signal, second: second.signal },
  };
  const file = claimUpState(stateDir, Date.now());
  if (file === undefined) throw new Error("the folder is taken");
  const running = up(deps, file, {
    ...{ port: 7833, hivePort: 7835, stateDir, models: [], demo: true, workerWaitMs: 30_000 },
    ...options,
  });
  return {
    ...{ stateDir, page, running, pids },
    interrupt: () => first.abort(),
    force: () => second.abort(),
    trace: () => readFileSync(trace, "utf8").trimEnd().split("\n"),
    alive: () => pids.filter((pid) => isAlive(recordOf(pid, Date.now()))),
  };
}

async function until(what: string, is: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!is()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await pause(10);
  }
}

const ready = (story: ReturnType<typeof anUp>) =>
  until(`ready; so far: ${story.page.text()}${story.page.err.join("\n")}`, () =>
    story.page.text().includes("Ctrl-C stops it all"),
  );

describe("hive up", () => {
  test("starts queen and hive, says where they are and what to try, and ends them hive first at Ctrl-C", async () => {
    const story = anUp({ options: { models: ["a.gguf", "b.gguf"], id: "desk", listen: "0.0.0.0" } });
    await ready(story);
    const { stateDir } = story;
    expect(story.page.text()).toMatch(
      /queen listens on http:\/\/127\.0\.0\.1:7833\nhive desk joined .*\nworker demo is ready with hive-demo/,
    );
    expect(story.page.text()).toContain("curl 'http://127.0.0.1:7833/api/v1/route?model=hive-demo'");
    expect(story.page.text()).toContain('hive chat hive-demo "What are you?"');
    expect(story.page.text()).toContain('baseURL: "http://127.0.0.1:7833/v1"');
    expect(runningUp(stateDir)).toMatchObject({
      phase: "ready",
      queen: { url: "http://127.0.0.1:7833" },
      hive: { hive_id: "desk" },
    });
    expect(statSync(stateFile(stateDir)).mode & 0o077).toBe(0);
    expect(story.trace().toSorted()).toEqual([
      `hive began --queen http://127.0.0.1:7833 --port 7835 --state-dir ${stateDir} --id desk --model a.gguf --model b.gguf`,
      `queen began --port 7833 --state-dir ${stateDir} --listen 0.0.0.0`,
    ]);

    story.interrupt();
    expect(await story.running).toBe(0);
    expect(story.trace().slice(2)).toEqual(["hive ended", "queen ended"]);
    expect(story.alive()).toEqual([]);
    expect(existsSync(stateFile(stateDir))).toBe(false);
    expect(readFileSync(join(stateDir, "logs", "queen.log"), "utf8")).toBe("hello from the log\n");
  });

  test("with port 0 the hive is told the address that the queen got", async () => {
    const story = anUp({ options: { port: 0, hivePort: 0 } });
    await ready(story);
    expect(story.trace()[1]).toContain("--queen http://127.0.0.1:7833 --port 0");
    story.interrupt();
    expect(await story.running).toBe(0);
  });

  test("an interruption in the middle of the start ends what has begun", async () => {
    const story = anUp({ traits: { hive: ["mute"] } });
    await until("both began", () => story.trace().length === 2);
    story.interrupt();
    expect(await story.running).toBe(0);
    expect(story.alive()).toEqual([]);
  });

  test("a server that cannot start is named with its last words, and the other is ended: exit 1", async () => {
    const story = anUp({ traits: { hive: ["dies"] } });
    expect(await story.running).toBe(1);
    const said = story.page.err.join("\n");
    expect(said).toContain("The hive ended by itself (exit code 3)");
    expect(said).toContain("fatal: cannot go on (no memory)");
    expect(said).toContain("--hive-port");
    expect(story.alive()).toEqual([]);
  });

  test("a server that dies later ends it all: exit 1", async () => {
    const story = anUp({});
    await ready(story);
    process.kill(story.pids[0] as number, "SIGKILL");
    expect(await story.running).toBe(1);
    expect(story.page.err[0]).toMatch(/^The queen ended by itself \(SIGKILL\)/);
    expect(story.trace().at(-1)).toBe("hive ended");
    expect(story.alive()).toEqual([]);
  });

  test("a second Ctrl-C does not wait for a server that does not hear", async () => {
    const story = anUp({ traits: { hive: ["deaf"] } });
    await ready(story);
    story.interrupt();
    await until("the hive was asked", () => story.trace().includes("hive hears nothing"));
    story.force();
    expect(await story.running).toBe(0);
    expect(story.alive()).toEqual([]);
  });

  test("without a worker it goes on, says why, and what to type", async () => {
    const error = { code: "MODEL_TRUNCATED", message: "x.gguf is incomplete" };
    const story = anUp({ workers: [], managed: [aManagedWorker({ phase: "failed", error })] });
    await ready(story);
    expect(story.page.text()).toContain("No worker runs: w1 has failed: MODEL_TRUNCATED: x.gguf is incomplete.");
    expect(story.page.text()).toContain("hive worker start");
    expect(readUpState(story.stateDir)?.problem).toContain("MODEL_TRUNCATED");
    story.interrupt();
    expect(await story.running).toBe(0);
  });
});

describe("a second hive up", () => {
  const deps = (clientAt = (baseUrl: string) => new HiveClient({ baseUrl })) => ({ clientAt, nowMs: Date.now, names });

  test("says what runs already and where; of two at once one gets the folder", async () => {
    const story = anUp({});
    await ready(story);
    expect(claimUpState(story.stateDir, Date.now())).toBeUndefined();
    const said = await whatRuns(deps(), { stateDir: story.stateDir, port: 7833 });
    expect(said).toContain(`hive up runs already (process ${process.pid}`);
    expect(said).toContain("http://127.0.0.1:7833");
    expect(said).toContain("worker http://10.0.0.5:9300 (demo, hive-demo)");
    expect(said).toContain("hive down");
    story.interrupt();
    await story.running;
    expect(await whatRuns(deps(), { stateDir: story.stateDir, port: 0 })).toBeUndefined();
  });

  test("takes over the folder of one that was killed, but not while its servers run", async () => {
    const stateDir = aStateDir();
    const gone = { pid: 2 ** 22 + 1, start_time: 1, started_at_ms: 0 };
    const dead: UpState = {
      up: gone,
      phase: "ready",
      lines: [],
      queen: { process: recordOf(process.pid, Date.now()), url: "http://127.0.0.1:7" },
    };
    writeFileSync(stateFile(stateDir), JSON.stringify(dead));
    expect(leftBehind(stateDir)).toHaveLength(1);
    expect(await whatRuns(deps(), { stateDir, port: 0 })).toContain("An earlier hive up was killed");

    writeFileSync(stateFile(stateDir), JSON.stringify({ ...dead, queen: { process: gone } }));
    expect(await whatRuns(deps(), { stateDir, port: 0 })).toBeUndefined();
    const file = claimUpState(stateDir, Date.now());
    expect(readUpState(stateDir)?.up.pid).toBe(process.pid);
    file?.remove();
    expect(existsSync(stateFile(stateDir))).toBe(false);
  });

  test("a state folder that cannot be one is named, with the flag for another", () => {
    const file = join(aStateDir(), "file");
    writeFileSync(file, "");
    expect(() => claimUpState(join(file, "below"), Date.now())).toThrow(
      /Cannot use .*file\/below: .* is a file, not a directory\..*--state-dir/,
    );
  });

  test("finds a queen that was started otherwise, and tells another program from one", async () => {
    const at = (port: number) => ({ stateDir: aStateDir(), port });
    const queen = await aServer((_, response) => void response.end("{}"));
    expect(await whatRuns(deps(), at(queen.port))).toContain(`A queen runs already at ${queen.url}`);
    const closed = await aServer(
      (_, response) => void response.writeHead(401).end('{"error":{"code":"UNAUTHENTICATED","message":"no"}}'),
    );
    expect(await whatRuns(deps(), at(closed.port))).toContain("A queen runs already");
    const other = await aServer((_, response) => void response.end("<html>"));
    await expect(whatRuns(deps(), at(other.port))).rejects.toThrow(`Port ${other.port} is taken by another program`);
    await other.close();
    expect(await whatRuns(deps(), at(other.port))).toBeUndefined();
  });
});

describe("hive up --detach and hive down", () => {
  const aDetached = (how: string, stateDir = aStateDir()) => {
    const page = aPage();
    const deps = { ...page, nowMs: Date.now, pause, names };
    const command = [process.execPath, fakeUp, stateDir, how];
    onTestFinished(async () => {
      await down({ ...aPage(), names, removeFile: () => undefined }, { stateDir });
    });
    const ended = detach(deps, { stateDir, command, env: process.env, workerWaitMs: 1_000 });
    return { page, stateDir, ended };
  };
  const runDown = async (stateDir: string) => {
    const page = aPage();
    await down({ ...page, names, removeFile: (path) => rmSync(path, { force: true }) }, { stateDir });
    return page.text();
  };

  test("shows what it would show in front, returns when it is ready, and down ends it", async () => {
    const { page, stateDir, ended } = aDetached("well");
    expect(await ended).toBe(0);
    expect(page.text()).toMatch(/^queen listens\nhive joined\n/);
    expect(page.text()).toContain('hive chat --queen http://127.0.0.1:7001 hive-demo "What are you?"');
    const state = runningUp(stateDir);
    expect(state?.up.pid).not.toBe(process.pid);

    expect(await runDown(stateDir)).toBe("Stopped (queen http://127.0.0.1:7001).\n");
    expect(isAlive(recordOf(state?.up.pid ?? 0, Date.now()))).toBe(false);
    expect(await runDown(stateDir)).toContain("hive up  starts it");
  });

  test("one that fails is told with its last words, exit 1", async () => {
    const { page, ended } = aDetached("fails");
    expect(await ended).toBe(1);
    expect(page.err.join("\n")).toContain("the queen could not start");
  });

  test("one that runs without the worker it should have says so, exit 1", async () => {
    const { page, ended } = aDetached("without-worker");
    expect(await ended).toBe(1);
    expect(page.text()).toContain("No worker runs: demo has failed.");
  });

  test("down also ends what an up left that was killed", async () => {
    const stateDir = aStateDir();
    const left = startServer({
      name: "queen",
      command: [process.execPath, fakeServer, "queen", "--"],
      env: { ...process.env, FAKE_TRACE: join(stateDir, "trace"), ...markOfUp(stateDir) },
      logFile: join(stateDir, "logs", "queen.log"),
    });
    onTestFinished(() => left.kill("SIGKILL"));
    await left.listening;
    expect(await runDown(stateDir)).toContain("Ended what a killed hive up had left");
    expect((await left.exited).code).toBe(0);
  });
});
