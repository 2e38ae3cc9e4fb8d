import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { aFolder } from "../testing/fake-worker.ts";
import { bundledWorker } from "./bundled-worker.ts";
import { httpServer } from "./http-server.ts";
import { workerEntry } from "./llama-cpp.ts";
import { recognise } from "./server-engines.ts";

/** The built program with the demonstration model, as somebody would run it by hand. Answers where it listens. */
async function aWorkerByHand(env: Readonly<Record<string, string>>): Promise<string> {
  const program = join(dirname(workerEntry() ?? ""), "main.js");
  const child = spawn(
    process.execPath,
    [program, "--model", "hive-demo", "--gpu", "off", "--port", "0", "--slots", "4"],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, XDG_STATE_HOME: aFolder(), ...env },
    },
  );
  const ended = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let said = "";
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  return await new Promise((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const url = /listening on (http:\S+)\n/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    });
    void ended.then(([code]) => reject(new Error(`the worker ended with ${code}: ${complaints}`)));
  });
}

test("the real worker is recognised and read; with a token set, only its load is", async () => {
  const url = await aWorkerByHand({ HIVE_TOKEN: "s3cret-token-of-the-fleet" });
  const [stranger, friend] = [httpServer(url), httpServer(url, { key: "s3cret-token-of-the-fleet" })];
  onTestFinished(() => {
    stranger.close();
    friend.close();
  });
  const load = { slots_total: 4, slots_busy: 0, queue_depth: 0, kv_cache_percent: null };
  expect((await recognise(stranger))?.name).toBe("llama-cpp");
  expect(await bundledWorker.probe(stranger)).toMatchObject({ state: "locked", models: [], ...load });
  expect((await recognise(friend))?.name).toBe("llama-cpp");
  expect(await bundledWorker.probe(friend)).toMatchObject({
    state: "ready",
    models: [{ loaded: true, context_tokens: expect.any(Number), size_bytes: expect.any(Number) }],
    ...load,
  });
});
