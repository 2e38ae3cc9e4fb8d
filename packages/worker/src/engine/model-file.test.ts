import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aFolder, type Folder } from "../testing/a-worker.ts";
import { checkModelFile } from "./model-file.ts";

let folder: Folder;
let good: Buffer;
beforeAll(async () => {
  folder = await aFolder();
  good = await readFile(folder.modelPath);
});
afterAll(() => folder.remove());

async function check(content: Buffer): Promise<string> {
  const path = join(folder.path, "candidate.gguf");
  await writeFile(path, content);
  return checkModelFile(path).then(
    () => "good",
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );
}

test("a whole file passes, and tells its architecture and size", async () => {
  expect(await checkModelFile(folder.modelPath)).toEqual({
    architecture: "llama",
    n_params: expect.any(Number),
    bytes: good.length,
  });
});

test("wherever a file was cut off, it is called cut off", async () => {
  const lengths = [0, 1, 3, 4, 7, 8, 20, 24, 30, 100, 5_000, 13_000, 14_200, 14_700, 600_000, good.length - 1];
  for (const length of lengths) {
    expect(await check(good.subarray(0, length)), `${length} bytes`).toMatch(
      /^MODEL_TRUNCATED: .*candidate\.gguf is cut off/,
    );
  }
});

test("what never was a GGUF file is called so", async () => {
  expect(await check(Buffer.from("<!DOCTYPE html><title>404</title>"))).toMatch(
    /^MODEL_INVALID: .*does not begin with GGUF/,
  );
  expect(await check(Buffer.concat([Buffer.from("GGUF\x03\0\0\0"), Buffer.alloc(5_000, 0x41)]))).toMatch(
    /^MODEL_INVALID: /,
  );
  const future = Buffer.from(good);
  future.writeUInt32LE(99, 4);
  expect(await check(future)).toMatch(/^MODEL_INVALID: .*version 99/);
});

test("a folder is no model, and a missing file is missing", async () => {
  await mkdir(join(folder.path, "models.gguf"));
  await expect(checkModelFile(join(folder.path, "models.gguf"))).rejects.toMatchObject({ code: "MODEL_INVALID" });
  await expect(checkModelFile(join(folder.path, "none.gguf"))).rejects.toMatchObject({
    code: "MODEL_NOT_FOUND",
    message: expect.stringContaining("none.gguf: there is no such file"),
  });
});

test("bytes after the last tensor do no harm", async () => {
  expect(await check(Buffer.concat([good, Buffer.alloc(100)]))).toBe("good");
});
