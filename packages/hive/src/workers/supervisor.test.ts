import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import type { SupervisedWorker } from "./supervised-worker.ts";
import { MANAGED_WORKERS_MAX } from "./supervisor.ts";
import { aSupervisor, onLoopback } from "./testing/a-supervisor.ts";
import { aModel, lives } from "./testing/fake-worker.ts";

const inPhase = (worker: SupervisedWorker, phase: string): Promise<boolean> =>
  eventually(`${worker.id} is ${phase}, not ${worker.phase}`, () => worker.phase === phase);

/** A port that another program has. */
async function aTakenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("a worker that starts well", () => {
  test("is starting until it serves, then ready, and gone when it was stopped", async () => {
    const { supervisor, dir, changes } = aSupervisor();
    const worker = await supervisor.start({ model: aModel(dir) }, onLoopback);
    expect(worker).toMatchObject({ id: "tiny", phase: "starting", port: undefined, restarts: 0 });
    await worker.outcome();
    expect(worker.phase).toBe("ready");
    const pid = worker.pid as number;
    expect((await fetch(`http://127.0.0.1:${worker.port}/health`)).status).toBe(200);
    const before = changes();

    await supervisor.stop("tiny");
    expect(lives(pid)).toBe(false);
    expect(supervisor.list()).toEqual([]);
    expect(changes()).toBeGreaterThan(before);
  });

  test("is told its model, name, port, slots, context, device and hive, and nothing of the hive's own settings", async () => {
    const env = { ...process.env, HIVE_TOKEN: "secret", HIVE_PORT: "1", HIVE_STATE_DIR: "/x", HIVE_OTHER: "kept" };
    const engine = llamaCpp({ program: new URL("./testing/fake-worker.mjs", import.meta.url).pathname, env });
    const { supervisor, dir } = aSupervisor({ engines: [engine] });
    const model = aModel(dir);
    const worker = await supervisor.start(
      { model, worker_id: "w 1", alias: "llama", slots: 3, context_tokens: 512, device_id: 0 },
      onLoopback,
    );
    await worker.outcome();
    const seen = (await (await fetch(`http://127.0.0.1:${worker.port}/args`)).json()) as {
      args: string[];
      env: Record<string, string>;
    };
    expect(seen.args.join(" ")).toBe(
      `--model ${model} --alias llama --port 0 --listen 127.0.0.1 --slots 3 --context-tokens 512 --worker-id w 1 --hive-url http://127.0.0.1:1 --exit-with-parent`,
    );
    expect(seen.env).toMatchObject({ CUDA_VISIBLE_DEVICES: "GPU-zero", HIVE_OTHER: "kept" });
    expect(Object.keys(seen.env)).not.toEqual(expect.arrayContaining(["HIVE_TOKEN"]));
    expect(seen.env).not.toHaveProperty("HIVE_PORT");
  });

  test("that shall demand a key gets it in its environment, not on its command line", async () => {
    const { supervisor, dir } = aSupervisor();
    const worker = await supervisor.start({ model: aModel(dir) }, { listen: "0.0.0.0", token: "s3cret" });
    await worker.outcome();
    const text = await (await fetch(`http://127.0.0.1:${worker.port}/args`)).text();
    const seen = JSON.parse(text) as { args: string[]; env: Record<string, string> };
    expect(seen.env.HIVE_TOKEN).toBe("s3cret");
    expect(seen.args.join(" ")).not.toContain("s3cret");
  });

  test("is found by name in the models folder, with or without its ending", async () => {
    const { supervisor, dir } = aSupervisor();
    aModel(dir, {}, "named.gguf");
    const ids = [
      (await supervisor.start({ model: "named" }, onLoopback)).id,
      (await supervisor.start({ model: "named.gguf" }, onLoopback)).id,
    ];
    expect(ids).toEqual(["named", "named-2"]);
  });

  test("takes the first port that is free, also when another program is faster than our look at it", async () => {
    const taken = await aTakenPort();
    const { supervisor, dir } = aSupervisor({ portStart: taken });
    // The next free port is refused by the worker itself, as if somebody had taken it in between.
    const model = aModel(dir, { busy_port: taken + 1 });
    const worker = await supervisor.start({ model }, onLoopback);
    const told = worker.outcome();
    await told;
    expect(worker.port).toBeGreaterThan(taken);
    expect(worker.restarts).toBe(0);
  });
});

describe("a model that cannot be served", () => {
  test.each([
    ["no file", "/nowhere/at-all.gguf", "MODEL_NOT_FOUND", 404],
    ["no such name", "nothing-here", "MODEL_NOT_FOUND", 404],
    ["a folder", "/tmp", "MODEL_INVALID", 422],
    ["no GGUF", new URL("./supervisor.test.ts", import.meta.url).pathname, "MODEL_INVALID", 422],
    ["a device file", "/dev/null", "MODEL_INVALID", 422],
  ])("is refused before anything is started: %s", async (_what, model, code, status) => {
    const { supervisor } = aSupervisor();
    await expect(supervisor.start({ model }, onLoopback)).rejects.toMatchObject({ code, status });
    expect(supervisor.list()).toEqual([]);
  });

  test("whose worker says so is failed with the worker's own words, and is not started again", async () => {
    const clock = new FakeClock();
    const { supervisor, dir } = aSupervisor({ clock });
    const model = aModel(dir, { fatal: "MODEL_TRUNCATED: the file ends at byte 12 of 99" });
    const worker = await supervisor.start({ model }, onLoopback);
    await expect(worker.outcome()).rejects.toMatchObject({ code: "MODEL_TRUNCATED", status: 422 });
    expect(worker).toMatchObject({ phase: "failed", restarts: 0, pid: undefined });
    expect(worker.error?.message).toBe("the file ends at byte 12 of 99");

    clock.advance(86_400_000);
    expect(worker).toMatchObject({ phase: "failed", restarts: 0, pid: undefined });
    await supervisor.stop(worker.id);
    expect(supervisor.list()).toEqual([]);
  });

  test("for an engine that is not installed is ENGINE_MISSING: the worker says so, or there is no worker", async () => {
    const { supervisor, dir } = aSupervisor();
    const worker = await supervisor.start({ model: aModel(dir, { fatal: "ENGINE_MISSING: no llama" }) }, onLoopback);
    await expect(worker.outcome()).rejects.toMatchObject({ code: "ENGINE_MISSING", status: 501 });

    const without = aSupervisor({ engines: [llamaCpp({ entry: () => undefined })] });
    const request = { model: aModel(without.dir) };
    await expect(without.supervisor.start(request, onLoopback)).rejects.toMatchObject({ code: "ENGINE_MISSING" });
    expect(without.supervisor.list()).toEqual([]);
  });

  test("for options the worker does not take is the request's fault, and is not tried again", async () => {
    const { supervisor, dir } = aSupervisor();
    const model = aModel(dir, { fatal: "USAGE: --slots must be 1 to 64", exit: 2 });
    const worker = await supervisor.start({ model }, onLoopback);
    await expect(worker.outcome()).rejects.toMatchObject({ code: "INVALID_REQUEST", status: 400 });
    expect(worker.phase).toBe("failed");
  });

  test("makes room for a better one under the same id", async () => {
    const { supervisor, dir } = aSupervisor();
    const bad = await supervisor.start(
      { model: aModel(dir, { fatal: "MODEL_INVALID: x" }), worker_id: "w" },
      onLoopback,
    );
    await expect(bad.outcome()).rejects.toThrow();
    const good = await supervisor.start({ model: aModel(dir), worker_id: "w" }, onLoopback);
    await good.outcome();
    expect(supervisor.list()).toEqual([good]);
  });
});

describe("a worker that ends by itself", () => {
  test("is started again after pauses that double up to a minute, and from the shortest one after it ran well", async () => {
    const clock = new FakeClock();
    const { supervisor, dir } = aSupervisor({ clock });
    const worker = await supervisor.start({ model: aModel(dir, { exit: 1 }) }, onLoopback);

    const pauses: number[] = [];
    for (let failure = 0; failure < 8; failure++) {
      await inPhase(worker, "backoff");
      pauses.push(worker.restartInMs as number);
      expect(worker.error).toMatchObject({
        code: "WORKER_FAILED",
        message: "The worker ended with exit code 1: it broke",
      });
      if (failure === 7) aModel(dir);
      clock.advance(worker.restartInMs as number);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    await inPhase(worker, "ready");
    expect(worker.restarts).toBe(8);
    expect(worker.error).toBeUndefined();

    clock.advance(60_000);
    await fetch(`http://127.0.0.1:${worker.port}/crash`).catch(() => {});
    await inPhase(worker, "backoff");
    expect(worker.restartInMs).toBe(1_000);
  });

  test("soon after it was ready waits longer each time", async () => {
    const clock = new FakeClock();
    const { supervisor, dir } = aSupervisor({ clock });
    const worker = await supervisor.start({ model: aModel(dir) }, onLoopback);
    for (const pause of [1_000, 2_000]) {
      await inPhase(worker, "ready");
      clock.advance(59_999);
      await fetch(`http://127.0.0.1:${worker.port}/crash`).catch(() => {});
      await inPhase(worker, "backoff");
      expect(worker.restartInMs).toBe(pause);
      clock.advance(pause);
    }
  });

  test("tells whoever waits for it its last words, at once", async () => {
    const { supervisor, dir } = aSupervisor();
    const worker = await supervisor.start(
      { model: aModel(dir, { fatal: "OUT_OF_MEMORY: 8 GB short", exit: 1 }) },
      onLoopback,
    );
    await expect(worker.outcome()).rejects.toMatchObject({
      code: "WORKER_FAILED",
      message: "The worker ended with exit code 1: 8 GB short",
      details: { last_words: ["some other words", "fatal: OUT_OF_MEMORY: 8 GB short"], restart_in_ms: 1_000 },
    });
    expect(worker.phase).toBe("backoff");
    await supervisor.stop(worker.id);
    expect(worker.pid).toBeUndefined();
  });

  test("takes its children with it", async () => {
    const { supervisor, dir } = aSupervisor();
    const worker = await supervisor.start({ model: aModel(dir, { child: true, crash_after_ms: 50 }) }, onLoopback);
    const log = () => readFileSync(supervisor.logPath(worker.id), "utf8");
    await inPhase(worker, "backoff");
    const child = Number(await eventually("its child's pid", () => /child (\d+)/.exec(log())?.[1]));
    await eventually("the child is gone", () => !lives(child));
  });
});

describe("stopping", () => {
  test("a worker that ignores SIGTERM is killed after the grace, with its children", async () => {
    const { supervisor, dir } = aSupervisor({ stopGraceMs: 200 });
    const model = aModel(dir, { ignore_sigterm: true, ignore_parent: true, child: true });
    const worker = await supervisor.start({ model }, onLoopback);
    await worker.outcome();
    const pid = worker.pid as number;
    await supervisor.stop(worker.id);
    expect(lives(pid)).toBe(false);
    const log = readFileSync(supervisor.logPath(worker.id), "utf8");
    expect(log).toContain("ignoring SIGTERM");
    await eventually("the child is gone", () => !lives(Number(/child (\d+)/.exec(log)?.[1])));
  });

  test("a worker that still loads ends too, and who waited for it is told", async () => {
    const { supervisor, dir } = aSupervisor();
    const worker = await supervisor.start({ model: aModel(dir, { never_ready: true }) }, onLoopback);
    const told = expect(worker.outcome()).rejects.toMatchObject({ code: "WORKER_FAILED" });
    await supervisor.stop(worker.id);
    await told;
    expect(supervisor.list()).toEqual([]);
  });

  test("a draining worker is told of as such and ends when its last request is done", async () => {
    let busy = 2;
    const { supervisor, dir } = aSupervisor({ slotsBusy: () => busy });
    const worker = await supervisor.start({ model: aModel(dir) }, onLoopback);
    await worker.outcome();
    const stopped = supervisor.stop(worker.id, { drainMs: 60_000 });
    expect(worker).toMatchObject({ phase: "ready", draining: true });
    busy = 0;
    await stopped;
    expect(supervisor.find(worker.id)).toBeUndefined();
  });

  test("a worker that was never started here cannot be stopped", async () => {
    const { supervisor } = aSupervisor();
    await expect(supervisor.stop("nobody")).rejects.toMatchObject({ code: "WORKER_NOT_FOUND" });
  });

  test("twice at once is once", async () => {
    const { supervisor, dir } = aSupervisor();
    const worker = await supervisor.start({ model: aModel(dir) }, onLoopback);
    await worker.outcome();
    await Promise.all([supervisor.stop(worker.id), supervisor.stop(worker.id)]);
    expect(supervisor.list()).toEqual([]);
  });

  test("all of them, and then nothing starts any more", async () => {
    const { supervisor, dir } = aSupervisor();
    const model = aModel(dir);
    const workers = await Promise.all([1, 2, 3].map(() => supervisor.start({ model }, onLoopback)));
    expect(new Set(workers.map(({ id }) => id))).toEqual(new Set(["tiny", "tiny-2", "tiny-3"]));
    const pids = workers.map(({ pid }) => pid as number);
    await supervisor.stopAll();
    expect(pids.map(lives)).toEqual([false, false, false]);
    await expect(supervisor.start({ model }, onLoopback)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

describe("the door", () => {
  test("refuses an id that is taken, an engine and a device that are not there", async () => {
    const { supervisor, dir } = aSupervisor();
    const model = aModel(dir);
    await supervisor.start({ model, worker_id: "w" }, onLoopback);
    await expect(supervisor.start({ model, worker_id: "w" }, onLoopback)).rejects.toMatchObject({
      code: "ALREADY_RUNNING",
      details: { worker_id: "w" },
    });
    await expect(supervisor.start({ model, engine: "warp" }, onLoopback)).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      details: [{ path: "/engine", message: "there is no engine warp; there are llama-cpp" }],
    });
    await expect(supervisor.start({ model, device_id: 7 }, onLoopback)).rejects.toMatchObject({
      details: [{ path: "/device_id" }],
    });
  });

  test("lets in so many workers and no more; failed ones make room", async () => {
    const { supervisor, dir } = aSupervisor({
      engines: [{ ...llamaCpp(), command: () => ({ command: "/nowhere/node", args: [], env: {} }) }],
    });
    const model = aModel(dir);
    for (let at = 0; at < MANAGED_WORKERS_MAX; at++) await supervisor.start({ model, worker_id: `w${at}` }, onLoopback);
    await expect(supervisor.start({ model }, onLoopback)).rejects.toMatchObject({ code: "NO_CAPACITY", status: 507 });
    await supervisor.stop("w0");
    await supervisor.start({ model }, onLoopback);
  });
});
