import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aFolder, type Folder } from "../testing/a-worker.ts";
import { DEMO_MODEL_ID, defaultModelsDir, encodeDemoModel, ensureDemoModel } from "./demo-model.ts";

let folder: Folder;
beforeAll(async () => {
  folder = await aFolder();
});
afterAll(() => folder.remove());

test("the model is made where it is asked for, under a name that says what it is", async () => {
  const made = await ensureDemoModel(join(folder.path, "a", "b"));
  expect(made).toEqual({
    path: join(folder.path, "a", "b", "hive-demo.gguf"),
    model_id: DEMO_MODEL_ID,
    bytes: expect.any(Number),
  });
  expect((await stat(made.path)).size).toBe(made.bytes);
  expect(made.bytes).toBeLessThan(4_000_000);
});

test("without a place it goes where this user's state is kept", () => {
  expect(defaultModelsDir({ XDG_STATE_HOME: "/state" })).toBe("/state/hive/models");
  for (const env of [{}, { XDG_STATE_HOME: "" }, { XDG_STATE_HOME: "relative" }]) {
    expect(defaultModelsDir(env)).toMatch(/\/\.local\/state\/hive\/models$/);
  }
});

test("two makings give the same bytes", () => {
  expect(encodeDemoModel().equals(encodeDemoModel())).toBe(true);
});

test("a good file is left alone, a damaged one is replaced, and nothing else is left behind", async () => {
  const longAgo = new Date("2020-01-01T00:00:00Z");
  await utimes(folder.modelPath, longAgo, longAgo);
  await ensureDemoModel(folder.path);
  expect((await stat(folder.modelPath)).mtimeMs).toBe(longAgo.getTime());

  await writeFile(folder.modelPath, "half a mod");
  await Promise.all([ensureDemoModel(folder.path), ensureDemoModel(folder.path)]);
  expect((await readFile(folder.modelPath)).equals(encodeDemoModel())).toBe(true);
  expect((await readdir(folder.path)).filter((name) => name.includes("gguf"))).toEqual(["hive-demo.gguf"]);
});
