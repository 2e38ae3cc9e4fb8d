import {
  ClientError,
  type HiveAgentClient,
  type HiveClient,
  type PlaceWorker,
  type StartWorker,
} from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { aHive, aManagedWorker, aPage, aWorker } from "../testing/fakes.ts";
import { addedTo, type LogsDeps, TAIL_BYTES, workerLogs } from "./logs.ts";
import { startWorker } from "./start.ts";
import { stopWorker } from "./stop.ts";

function here(hive: Partial<HiveAgentClient>) {
  const page = aPage();
  const localHive = { url: "http://127.0.0.1:7835", find: () => undefined, hiveId: "desk" };
  const away = () => Promise.reject(new ClientError("QUEEN_UNREACHABLE", "no queen"));
  const client = { hive: away, placeWorker: away, hiveWorkers: away };
  return {
    page,
    deps: { ...page, client, localHive, hiveAt: () => hive as HiveAgentClient, wholePath: (model: string) => model },
  };
}

describe("hive worker start", () => {
  test("waits for the model, then says where it answers and what to type next", async () => {
    const asked: StartWorker[] = [];
    const startWorkerCall = async (request: StartWorker) => {
      asked.push(request);
      return aManagedWorker({ worker: aWorker({ model_id: "llama" }) });
    };
    const { page, deps } = here({ startWorker: startWorkerCall });
    expect(
      await startWorker(deps, "llama.gguf", { slots: 2, contextTokens: 512, device: 0, id: "w1", alias: "llama" }),
    ).toBe(0);
    expect(asked).toEqual([
      { model: "llama.gguf", wait: true, worker_id: "w1", alias: "llama", slots: 2, context_tokens: 512, device_id: 0 },
    ]);
    expect(page.text()).toBe("w1 answers for llama at http://10.0.0.5:9300\n");
    expect(page.err).toEqual(["Next: hive chat llama"]);
  });

  test.each([
    ["MODEL_NOT_FOUND", "There is no model file x.gguf", 404],
    ["MODEL_INVALID", "x.gguf is not a GGUF model", 422],
    ["MODEL_TRUNCATED", "x.gguf is incomplete", 422],
  ])("%s is told with the hive's words, exit 1", async (code, message, status) => {
    const details = { output_tail: "last words\n" };
    const { page, deps } = here({
      startWorker: () => Promise.reject(new ClientError(code, message, { status, details, server: "hive" })),
    });
    expect(await startWorker(deps, "x.gguf", {})).toBe(1);
    expect(page.err).toEqual([`${code}: ${message}`, "last words"]);
    expect(page.text()).toBe("");
  });

  test("a worker that failed after it was taken is a failure too", async () => {
    const error = { code: "WORKER_FAILED", message: "it ended with code 1" };
    const { page, deps } = here({ startWorker: async () => aManagedWorker({ phase: "failed", error }) });
    expect(await startWorker(deps, "x.gguf", {})).toBe(1);
    expect(page.err).toEqual(["WORKER_FAILED: it ended with code 1"]);
  });

  test("a model that loads for longer than one can wait goes on loading, and that is said", async () => {
    const { page, deps } = here({
      startWorker: () => Promise.reject(new ClientError("TIMEOUT", "no answer in time", { server: "hive" })),
    });
    expect(await startWorker(deps, "big.gguf", {})).toBe(1);
    expect(page.err.join()).toContain("hive workers");
  });

  test("a file here is named by its whole path; for another machine every name stays as it is", async () => {
    const asked: string[] = [];
    const { deps } = here({
      startWorker: async ({ model }: StartWorker) => {
        asked.push(model);
        return aManagedWorker();
      },
    });
    const client = {
      ...deps.client,
      hive: async () => ({ ...aHive({ hive_url: "http://rack:7835" }), online: true }),
    };
    const wholePath = (model: string) => `/models/${model}`;
    await startWorker({ ...deps, wholePath }, "x.gguf", {});
    await startWorker({ ...deps, client, wholePath }, "x.gguf", { hive: "rack" });
    expect(asked).toEqual(["/models/x.gguf", "x.gguf"]);
  });

  test("--json prints the worker as it travels", async () => {
    const { page, deps } = here({ startWorker: async () => aManagedWorker() });
    expect(await startWorker(deps, "x.gguf", { json: true })).toBe(0);
    expect(JSON.parse(page.text())).toEqual(aManagedWorker());
  });

  test("without a hive the error says so to whoever shows errors", async () => {
    const { deps } = here({ startWorker: () => Promise.reject(new ClientError("HIVE_UNREACHABLE", "no hive")) });
    await expect(startWorker(deps, "x.gguf", {})).rejects.toMatchObject({ code: "HIVE_UNREACHABLE" });
  });
});

describe("hive worker start with a name, and a queen", () => {
  const placed = { hive_id: "rack", worker_id: "llama", device_id: 1, memory_bytes: 6e9 };

  function withQueen(placeWorker: HiveClient["placeWorker"], hive: Partial<HiveAgentClient> = {}) {
    const { page, deps } = here(hive);
    const hiveWorkers = async () => [aWorker({ worker_id: "llama", model_id: "llama" })];
    return { page, deps: { ...deps, client: { ...deps.client, placeWorker, hiveWorkers } } };
  }

  test("goes where the queen finds room, and says where that is", async () => {
    const asked: PlaceWorker[] = [];
    const { page, deps } = withQueen(async (request) => {
      asked.push(request);
      return placed;
    });
    const flags = { slots: 2, contextTokens: 512, backend: "cuda", memoryGb: 1.5, engine: "llama-cpp" };
    expect(await startWorker(deps, "llama", flags)).toBe(0);
    expect(asked).toEqual([
      {
        ...{ model: "llama", wait: true, backend: "cuda", memory_bytes: 1.5e9 },
        ...{ slots: 2, context_tokens: 512, engine: "llama-cpp" },
      },
    ]);
    expect(page.text()).toBe("llama on rack answers for llama at http://10.0.0.5:9300\n");
    expect(page.err).toEqual(["Next: hive chat llama"]);
    const json = withQueen(async () => placed);
    await startWorker(json.deps, "llama", { json: true });
    expect(JSON.parse(json.page.text())).toEqual(placed);
  });

  test("says what each hive has when none has room", async () => {
    const words = "llama needs 40.5 GB, and no hive that has its file has room: rack has 5.5 GB";
    const { page, deps } = withQueen(() => Promise.reject(new ClientError("NO_CAPACITY", words, { status: 507 })));
    expect(await startWorker(deps, "llama", {})).toBe(1);
    expect(page.err).toEqual([`NO_CAPACITY: ${words}`]);
  });

  test("goes to this machine's hive when the queen knows no such model, and so do files, ids and other names", async () => {
    const asked: string[] = [];
    const startWorkerCall = async ({ model }: StartWorker) => {
      asked.push(model);
      return aManagedWorker();
    };
    let placements = 0;
    const { deps } = withQueen(
      () => {
        placements++;
        return Promise.reject(new ClientError("MODEL_NOT_FOUND", "no such model", { status: 404 }));
      },
      { startWorker: startWorkerCall },
    );
    await startWorker(deps, "only-here", {});
    expect([asked, placements]).toEqual([["only-here"], 1]);
    await startWorker(deps, "/models/x.gguf", {});
    await startWorker(deps, "./x.gguf", {});
    await startWorker({ ...deps, wholePath: () => "/here/x.gguf" }, "x.gguf", {});
    for (const flags of [{ id: "w" }, { alias: "a" }, { device: 0 }]) await startWorker(deps, "llama", flags);
    expect([asked.length, placements]).toEqual([7, 1]);
  });
});

describe("hive worker stop", () => {
  test("says that it is done", async () => {
    const stopped: string[] = [];
    const { page, deps } = here({ stopWorker: async (id) => void stopped.push(id) });
    await stopWorker(deps, "w1", {});
    expect(stopped).toEqual(["w1"]);
    expect(page.text()).toBe("w1 is stopped.\n");
  });
});

describe("hive worker logs", () => {
  const logsDeps = (logs: readonly string[], more: Partial<LogsDeps> = {}) => {
    let read = 0;
    const aborting = new AbortController();
    const { page, deps } = here({
      workerLogs: async () => {
        const text = logs[Math.min(read++, logs.length - 1)] ?? "";
        if (read >= logs.length) aborting.abort();
        return text;
      },
    });
    const interruptible = () => ({ signal: aborting.signal, end: () => undefined });
    return { page, deps: { ...deps, isTerminal: true, pause: async () => undefined, interruptible, ...more } };
  };

  test("shows the end of the log; an empty one is called so", async () => {
    const full = logsDeps(["a\nb"]);
    await workerLogs(full.deps, "w1", {});
    expect(full.page.text()).toBe("a\nb\n");
    const empty = logsDeps([""]);
    await workerLogs(empty.deps, "w1", {});
    expect(empty.page.err).toEqual(["The log of w1 is empty so far."]);
  });

  test("-f shows only what is added, until Ctrl-C", async () => {
    const { page, deps } = logsDeps(["a\n", "a\nb\n", "a\nb\n", "a\nb\nc\n", "a\nb\nc\n"]);
    await workerLogs(deps, "w1", { follow: true });
    expect(page.text()).toBe("a\nb\nc\n");
  });

  test("what is added is found although the tail moves on, also in the middle of a character", () => {
    const lines = Array.from({ length: 5_000 }, (_, at) => `line ${at} – naïve\n`);
    const before = lines.slice(0, 4_000).join("").slice(-TAIL_BYTES);
    const now = `\uFFFD\uFFFD${lines.slice(0, 4_010).join("").slice(-TAIL_BYTES)}`;
    expect(addedTo(before, now)).toBe(lines.slice(4_000, 4_010).join(""));
    expect(addedTo(before, before)).toBe("");
  });

  test("a log that was put aside begins anew", () => {
    expect(addedTo("old one\n", "new one\n")).toBe("new one\n");
    expect(addedTo("", "first\n")).toBe("first\n");
  });
});
