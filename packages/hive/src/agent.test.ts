/** The agent as a whole, with fake workers and small fake queens. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { aMachine, below } from "./devices/testing/a-machine.ts";
import { kfdNodes, rx7900 } from "./devices/testing/card-samples.ts";
import { aNvidiaSmi, gpuLine } from "./devices/testing/fake-nvidia-smi.ts";
import type { Connect } from "./heartbeat/connection.ts";
import { aQueen, isFull } from "./heartbeat/testing/fake-queen.ts";
import { claimPidFile, runningHive } from "./pid-file.ts";
import { aHive } from "./testing/a-hive.ts";
import { eventually } from "./testing/eventually.ts";
import { readStat } from "./workers/process-tree.ts";
import { aFolder, aModel, lives } from "./workers/testing/fake-worker.ts";

const stateOf = (id: string) => (beat: Parameters<typeof isFull>[0]) =>
  isFull(beat) ? beat.workers.find(({ worker_id }) => worker_id === id)?.state : undefined;

describe("the queen", () => {
  test("hears of a worker's whole life as it happens, not at the next beat", async () => {
    const queen = await aQueen({ next_heartbeat_ms: 600_000 });
    const { ask, model, hive } = await aHive({ queens: [queen.url] });
    await queen.hears("a hive without workers", (beat) => isFull(beat) && beat.workers.length === 0);

    await ask("POST", "/v1/workers", { model: model(), worker_id: "w" });
    await queen.hears("loading", (beat) => stateOf("w")(beat) === "Loading");
    const idle = await queen.hears("idle, with its url", (beat) => stateOf("w")(beat) === "Idle");
    const { url } = isFull(idle.beat) ? (idle.beat.workers[0] ?? {}) : {};
    const say = (beat: object) =>
      fetch(`${url}/tell?${encodeURIComponent(JSON.stringify(beat))}`).then((it) => it.text());

    const heardBefore = queen.beats.length;
    await say({ slots_total: 2, slots_busy: 1 });
    await say({ slots_total: 2, slots_busy: 2 });
    await queen.hears("busy: every slot is taken", (beat) => stateOf("w")(beat) === "Busy");
    await say({ slots_total: 2, slots_busy: 0, last_reservation: "r7" });
    await eventually("idle again", () => queen.latest?.workers[0]?.last_reservation === "r7");
    expect(queen.beats.length - heardBefore).toBeLessThanOrEqual(3);

    await fetch(`${url}/crash`).catch(() => {});
    await eventually(
      "loading again while it waits for its restart",
      () => queen.latest?.workers[0]?.state === "Loading",
    );
    expect(queen.latest?.workers[0]).not.toHaveProperty("url");
    await ask("DELETE", "/v1/workers/w");
    await eventually("it is gone", () => queen.latest?.workers.length === 0);

    await hive.stop();
    await queen.hears("goodbye", (beat) => isFull(beat) && beat.goodbye === true);
    expect(queen.faults).toEqual([]);
    const seqs = queen.beats.map(({ seq }) => seq ?? 0);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(queen.latest).toMatchObject({ boot_id: hive.bootId, hive_url: hive.url, version: "0.1.0", hive_id: "desk" });
  });

  test("is not told of a worker that will not come back", async () => {
    const queen = await aQueen({ next_heartbeat_ms: 600_000 });
    const { ask, model } = await aHive({ queens: [queen.url] });
    await ask("POST", "/v1/workers", { model: model({ fatal: "MODEL_INVALID: no" }), worker_id: "w", wait: true });
    await eventually("the worker came and went", () => queen.fulls.length >= 2 && queen.latest?.workers.length === 0);
    expect((await ask("GET", "/v1/workers/w")).json.phase).toBe("failed");
  });

  test("hears of workers that announced themselves too", async () => {
    const queen = await aQueen({ next_heartbeat_ms: 600_000 });
    const { ask } = await aHive({ queens: [queen.url] });
    const beat = { worker_id: "ollama", timestamp: "now", health_status: "healthy", state: "Idle", engine: "ollama" };
    await ask("POST", "/v1/heartbeat", { ...beat, url: "http://127.0.0.1:11434", models: ["a", "b"] });
    await queen.hears("ollama", (one) => stateOf("ollama")(one) === "Idle");
    expect(queen.latest?.workers[0]).toMatchObject({ engine: "ollama", models: ["a", "b"] });
  });

  test("that is away, slow or hostile harms neither the workers nor another queen", async () => {
    const well = await aQueen({ next_heartbeat_ms: 200 });
    const hostile = await aQueen({ answer: () => "x".repeat(300_000) });
    const silent = await aQueen({ answer: () => undefined });
    const queens = ["http://127.0.0.1:1", hostile.url, silent.url, well.url];
    const { ask, model } = await aHive({ queens });
    await ask("POST", "/v1/workers", { model: model(), worker_id: "w", wait: true });
    await well.hears("the worker", (beat) => stateOf("w")(beat) === "Idle");
    const { length } = well.beats;
    await eventually("her beats go on", () => well.beats.length >= length + 3);
    await silent.hears("the worker", (beat) => stateOf("w")(beat) === "Idle");
    expect((await ask("GET", "/v1/workers/w")).json).toMatchObject({ phase: "ready", restarts: 0 });
  });

  test("each of several hears everything, and goodbye", async () => {
    const [one, two] = [await aQueen(), await aQueen({ refuseUpgrade: 404 })];
    const { hive } = await aHive({ queens: [one.url, two.url] });
    await Promise.all([one, two].map((queen) => queen.hears("a beat", isFull)));
    await hive.stop();
    for (const queen of [one, two]) await queen.hears("goodbye", (beat) => isFull(beat) && beat.goodbye === true);
  });
});

describe("devices", () => {
  test("are told to the queen, and chosen by their number", async () => {
    const smi = aNvidiaSmi({ gpus: [gpuLine({ index: 0 }), gpuLine({ index: 1, use: 80 })] });
    const queen = await aQueen({ next_heartbeat_ms: 200 });
    const { ask, model } = await aHive({ queens: [queen.url], nvidiaSmi: smi.command });
    await eventually("the queen knows two devices", () => queen.latest?.devices?.length === 2);
    await ask("POST", "/v1/workers", { model: model(), worker_id: "w", device_id: 1, wait: true });
    const { worker } = (await ask("GET", "/v1/workers/w")).json;
    expect(worker.device_id).toBe(1);
    const { env } = JSON.parse(await (await fetch(`${worker.url}/args`)).text()) as { env: Record<string, string> };
    expect(env.CUDA_VISIBLE_DEVICES).toBe("GPU-11111111-aaaa-bbbb-cccc-000000000001");
    expect((await ask("POST", "/v1/workers", { model: model(), device_id: 9 })).status).toBe(400);
  });

  test("are chosen in the way of their maker: beside NVIDIA's, an AMD card by the name that ROCm knows", async () => {
    const files = aMachine({
      ...below("/sys/bus/pci/devices/0000:01:00.0", { vendor: "0x10de\n", class: "0x030200\n" }),
      ...rx7900(0, "0000:03:00.0"),
      ...kfdNodes({ minor: 128, simds: 192 }),
    });
    const { ask, model } = await aHive({}, { files });
    await ask("POST", "/v1/workers", { model: model(), worker_id: "w", device_id: 1, wait: true });
    const { worker } = (await ask("GET", "/v1/workers/w")).json;
    const { env } = JSON.parse(await (await fetch(`${worker.url}/args`)).text()) as { env: Record<string, string> };
    expect(env.ROCR_VISIBLE_DEVICES).toBe("GPU-4fd3d0e445b9207e");
    expect(env.CUDA_VISIBLE_DEVICES).toBe(process.env.CUDA_VISIBLE_DEVICES);
  });

  test("are measured for each worker: memory of its processes, use of its GPU", async () => {
    const smi = aNvidiaSmi({ gpus: [gpuLine({ index: 0, use: 73 })] });
    const queen = await aQueen({ next_heartbeat_ms: 200 });
    const { ask, model } = await aHive({ queens: [queen.url], nvidiaSmi: smi.command, samplePeriodMs: 200 });
    const { json } = await ask("POST", "/v1/workers", { model: model(), worker_id: "w", wait: true });
    smi.play({
      gpus: [gpuLine()],
      apps: [`${json.pid}, GPU-11111111-aaaa-bbbb-cccc-000000000000, 2194`, "1, GPU-x, 9"],
    });
    await eventually("the queen knows what it uses", () => queen.latest?.workers[0]?.vram_bytes === 2_194 * 1_048_576);
    expect(queen.latest?.workers[0]).toMatchObject({ backend: "cuda", device_id: 0, gpu_percent: 73 });
    // What it made itself; the pages of its program's file are fewer than the VRAM it holds.
    expect(queen.latest?.workers[0]?.ram_bytes).toBeGreaterThan(1e6);
    await eventually("and its CPU", () => queen.latest?.workers[0]?.cpu_percent !== undefined);
  });
});

describe("the demonstration worker", () => {
  /** As the bundled one: makes a model where it is asked to. */
  const ensureDemoModel = async (dir: string) => ({ path: aModel(dir, {}, "hive-demo.gguf"), model_id: "hive-demo" });
  const aDemoHive = () => {
    const dir = aFolder();
    return aHive({ demo: true, stateDir: dir }, { ensureDemoModel: () => ensureDemoModel(dir) });
  };
  const ids = async ({ ask }: Pick<Awaited<ReturnType<typeof aHive>>, "ask">): Promise<string[]> =>
    (await ask("GET", "/v1/workers")).json.workers.map(
      (one: { worker: { worker_id: string } }) => one.worker.worker_id,
    );
  const demoIsReady = (story: Awaited<ReturnType<typeof aHive>>) =>
    eventually("the demo is ready", async () => (await story.ask("GET", "/v1/workers/demo")).json.phase === "ready");

  test("is there when the machine has no other, and drains and ends when another is ready", async () => {
    const queen = await aQueen({ next_heartbeat_ms: 600_000 });
    const dir = aFolder();
    const story = await aHive(
      { demo: true, stateDir: dir, queens: [queen.url] },
      { ensureDemoModel: () => ensureDemoModel(dir) },
    );
    await demoIsReady(story);
    expect((await story.ask("GET", "/v1/workers/demo")).json.worker.model_id).toBe("hive-demo");

    await story.ask("POST", "/v1/workers", { model: story.model(), worker_id: "own" });
    await queen.hears(
      "it drains",
      (beat) => isFull(beat) && beat.workers.some((one) => one.worker_id === "demo" && one.draining),
    );
    await eventually("only the own one is left", async () => (await ids(story)).join() === "own");

    await story.ask("DELETE", "/v1/workers/own");
    expect(await ids(story)).toEqual([]);
  });

  test("ends when another worker announces itself", async () => {
    const story = await aDemoHive();
    await demoIsReady(story);
    const beat = {
      worker_id: "ollama",
      timestamp: "now",
      health_status: "healthy",
      state: "Idle",
      url: "http://127.0.0.1:1",
    };
    await story.ask("POST", "/v1/heartbeat", beat);
    await eventually("only the other is left", async () => (await ids(story)).join() === "ollama");
  });

  test("stays while another loads, when a start was refused, and when a model could not be loaded", async () => {
    const story = await aDemoHive();
    await demoIsReady(story);
    await story.ask("POST", "/v1/workers", { model: "/nowhere/x.gguf" });
    await story.ask("POST", "/v1/workers", {
      model: story.model({ fatal: "MODEL_INVALID: no" }, "bad.gguf"),
      wait: true,
    });
    await story.ask("POST", "/v1/workers", { model: story.model({ never_ready: true }, "slow.gguf") });
    expect(await ids(story)).toEqual(["demo", "bad", "slow"]);
    expect((await story.ask("GET", "/v1/workers/demo")).json.worker).not.toHaveProperty("draining");
  });

  test("does not start when a model was given, nor when it is not wanted, nor when a worker was faster", async () => {
    const dir = aFolder();
    let made = 0;
    const deps = {
      ensureDemoModel: (where: string) => {
        made++;
        return ensureDemoModel(where);
      },
    };
    const given = await aHive({ demo: true, models: [aModel(dir)] }, deps);
    expect(await ids(given)).toEqual(["tiny"]);
    const unwanted = await aHive({ demo: false }, deps);
    expect(await ids(unwanted)).toEqual([]);
    expect(made).toBe(0);

    let go: () => void = () => {};
    const slow = new Promise<void>((resolve) => {
      go = resolve;
    });
    const late = await aHive({ demo: true }, { ensureDemoModel: () => slow.then(() => ensureDemoModel(dir)) });
    await late.ask("POST", "/v1/workers", { model: late.model(), worker_id: "own", wait: true });
    go();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await ids(late)).toEqual(["own"]);
  });

  test("that cannot be made is a line in the log, and the hive is whole", async () => {
    const story = await aHive({ demo: true }, { ensureDemoModel: () => Promise.reject(new Error("disk full")) });
    await eventually("it is logged", () =>
      story.messages("warn").find((line) => line.startsWith("no demonstration worker")),
    );
    expect((await story.ask("GET", "/healthz")).status).toBe(200);
  });
});

describe("where others reach the workers", () => {
  const ownAddress = Object.values(networkInterfaces()).flatMap((all) => all ?? [])[0]?.address ?? "127.0.0.1";
  /** A queen by another name, to whom the connection has these two ends. */
  const queenAt = (remote_address: string) => {
    const connect: Connect = (_url, _headers, events) => {
      queueMicrotask(() => events.opened({ local_address: "::ffff:10.0.0.5", remote_address }));
      const end = () => queueMicrotask(() => events.closed({ kind: "ended", message: "closed" }));
      return { send: () => {}, ping: () => {}, bufferedBytes: () => 0, close: end, terminate: end };
    };
    return { connect };
  };
  const elsewhere = { queens: ["http://queen.test:7833"] };
  const howStarted = async (url: string) => {
    const { port } = new URL(url);
    const text = await (await fetch(`http://127.0.0.1:${port}/args`)).text();
    const { args, env } = JSON.parse(text) as { args: string[]; env: Record<string, string> };
    return { listen: args[args.indexOf("--listen") + 1], token: env.HIVE_TOKEN };
  };

  test("is loopback with a queen on this machine, and the host that --advertise names", async () => {
    const queen = await aQueen();
    const { ask, model } = await aHive({ queens: [queen.url], advertise: "desk.lan" });
    const { json } = await ask("POST", "/v1/workers", { model: model(), wait: true });
    expect(json.worker.url).toMatch(/^http:\/\/desk\.lan:\d+$/);
    expect(await howStarted(json.worker.url)).toEqual({ listen: "127.0.0.1", token: undefined });
  });

  test("is the address towards a queen elsewhere; the workers demand the fleet's token there", async () => {
    const { ask, model } = await aHive({ ...elsewhere, token: "s3cret" }, queenAt("10.0.0.1"));
    const { json } = await ask("POST", "/v1/workers", { model: model(), wait: true });
    expect(json.worker.url).toMatch(/^http:\/\/10\.0\.0\.5:\d+$/);
    expect(await howStarted(json.worker.url)).toEqual({ listen: "0.0.0.0", token: "s3cret" });
  });

  test("is nowhere when the queen is elsewhere and there is no token: no url is told, and the log says what to do", async () => {
    const { ask, model, messages } = await aHive(elsewhere, queenAt("10.0.0.1"));
    const { json } = await ask("POST", "/v1/workers", { model: model(), wait: true });
    expect(json.worker).not.toHaveProperty("url");
    expect(messages("warn").find((line) => line.includes("HIVE_TOKEN"))).toContain("they stay on loopback");
    const beat = {
      worker_id: "x",
      timestamp: "now",
      health_status: "healthy",
      state: "Idle",
      url: "http://localhost:1",
    };
    await ask("POST", "/v1/heartbeat", beat);
    expect((await ask("GET", "/v1/workers/x")).json.worker).not.toHaveProperty("url");
  });

  test("is loopback too when the queen's other name turns out to be this machine", async () => {
    const { ask, model } = await aHive({ ...elsewhere, token: "s3cret" }, queenAt(ownAddress));
    const { json } = await ask("POST", "/v1/workers", { model: model(), wait: true });
    expect(json.worker.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await howStarted(json.worker.url)).toEqual({ listen: "127.0.0.1", token: undefined });
  });
});

describe("starting and stopping", () => {
  test("a pid file says who runs where, and is gone afterwards", async () => {
    const { hive, dir } = await aHive();
    const path = join(dir, "hive-desk.pid");
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
      pid: process.pid,
      start_time: readStat(process.pid)?.start_time,
      url: hive.url,
      hive_id: "desk",
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await hive.stop();
    expect(existsSync(path)).toBe(false);
  });

  test("a pid file of a hive that runs is respected, one of a dead hive is replaced", async () => {
    const dir = aFolder();
    const path = join(dir, "hive-desk.pid");
    const parent = {
      pid: process.ppid,
      start_time: readStat(process.ppid)?.start_time,
      url: "http://127.0.0.1:9",
      hive_id: "desk",
    };
    writeFileSync(path, JSON.stringify(parent));
    await expect(aHive({ stateDir: dir })).rejects.toMatchObject({
      code: "ALREADY_RUNNING",
      message: "The hive desk runs already, at http://127.0.0.1:9",
    });
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(parent);
    for (const stale of [JSON.stringify({ ...parent, start_time: 1 }), "", "{", "null", '{"pid":-1}']) {
      writeFileSync(path, stale);
      expect(runningHive(path)).toBeUndefined();
      const { hive } = await aHive({ stateDir: dir });
      expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid, url: hive.url });
      await hive.stop();
    }
  });

  test("a pid file that this process's starter wrote for it is replaced in one step", () => {
    const path = join(aFolder(), "hive-desk.pid");
    writeFileSync(path, JSON.stringify({ pid: process.pid, start_time: 1, started_at_ms: 1 }));
    expect(claimPidFile(path, { url: "http://127.0.0.1:1", hive_id: "desk", started_at_ms: 2 })).toBeUndefined();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ url: "http://127.0.0.1:1", pid: process.pid });
  });

  test("a port that is taken fails the start and leaves nothing behind", async () => {
    const first = await aHive();
    const dir = aFolder();
    const port = Number(new URL(first.hive.url).port);
    await expect(aHive({ port, id: "other", stateDir: dir })).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(existsSync(join(dir, "hive-other.pid"))).toBe(false);
  });

  test("models given at the start are served; a wrong one fails the start and ends the others", async () => {
    const dir = aFolder();
    const [one, two] = [aModel(dir, {}, "one.gguf"), aModel(dir, {}, "two.gguf")];
    const { ask } = await aHive({ models: [one, two] });
    const { workers } = (await ask("GET", "/v1/workers")).json;
    expect(workers.map((it: { worker: { model_id: string } }) => it.worker.model_id)).toEqual(["one", "two"]);

    const broken = aFolder();
    const starting = aHive({ models: [one, join(dir, "nothing.gguf")], stateDir: broken });
    await expect(starting).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(existsSync(join(broken, "hive-desk.pid"))).toBe(false);
  });

  test("stopping ends every worker, also the stubborn, and says goodbye before", async () => {
    const queen = await aQueen();
    const { ask, model, hive } = await aHive({ queens: [queen.url], stopGraceMs: 300 });
    const pids: number[] = [];
    for (const play of [{}, { ignore_sigterm: true, ignore_parent: true }, { never_ready: true }]) {
      const { json } = await ask("POST", "/v1/workers", { model: model(play, `${pids.length}.gguf`) });
      pids.push(json.pid);
    }
    await queen.hears("three workers", (beat) => isFull(beat) && beat.workers.length === 3);
    await Promise.all([hive.stop(), hive.stop()]);
    expect(pids.map(lives)).toEqual([false, false, false]);
    expect(queen.latest).toMatchObject({ goodbye: true });
    expect(queen.latest?.workers).toHaveLength(3);
  });

  test("workers that a killed hive left behind are ended by the next one of its name", async () => {
    const dir = aFolder();
    const { ask, model, hive } = await aHive({ stateDir: dir, stopGraceMs: 100 });
    const { json } = await ask("POST", "/v1/workers", {
      model: model({ ignore_parent: true }),
      wait: true,
      worker_id: "w",
    });
    const record = join(dir, "workers", "desk", "w.json");
    const kept = readFileSync(record);
    expect(JSON.parse(kept.toString())).toMatchObject({ pid: json.pid, worker_id: "w" });
    onTestFinished(() => hive.kill());

    // The next hive finds what a crash would have left: the record, but no hive.
    const path = join(dir, "hive-desk.pid");
    writeFileSync(path, JSON.stringify({ pid: process.ppid, start_time: 1 }));
    const next = await aHive({ stateDir: dir });
    await eventually("the orphan is gone", () => !lives(json.pid));
    expect(next.messages("warn")).toContain("ended workers that a former run left behind");
  });
});
