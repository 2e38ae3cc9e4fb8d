import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { aHive } from "../testing/a-hive.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { aLog } from "../testing/silent-log.ts";
import { aFolder } from "../workers/testing/fake-worker.ts";
import { ModelLibrary } from "./library.ts";
import { aGguf, LLAMA_8B } from "./testing/a-gguf.ts";

const WHOLE = aGguf(LLAMA_8B);
const CLIP = aGguf({ "general.architecture": { type: "text", value: "clip" } });

function aLibrary() {
  const dir = aFolder();
  const clock = new FakeClock();
  const library = new ModelLibrary({ clock, log: aLog().log }, dir);
  const put = (file: string, content: Buffer | string = WHOLE) => {
    const path = join(dir, file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
  const names = async () => {
    clock.advance(1_000);
    return (await library.models()).map(({ model }) => model);
  };
  return { dir, clock, library, put, names };
}

test("a library is what lies in the models folder, however deep, and what each model takes", async () => {
  const { dir, library, put } = aLibrary();
  put("b.gguf");
  put("maker/a.GGUF");
  put("notes.txt");
  put(".cache/hidden.gguf");
  symlinkSync(put("notes.bin"), join(dir, "link.gguf"));
  symlinkSync(join(dir, "nowhere"), join(dir, "broken.gguf"));
  const models = await library.models();
  expect(models.map(({ model, file }) => [model, file])).toEqual([
    ["a", "maker/a.GGUF"],
    ["b", "b.gguf"],
    ["link", "link.gguf"],
  ]);
  expect(models[1]?.memory).toMatchObject({ weights_bytes: WHOLE.length, kv_bytes_per_token: 131_072 });
});

test("files in parts are one model when no part lacks", async () => {
  const { library, put } = aLibrary();
  put("big-00001-of-00002.gguf");
  put("big-00002-of-00002.gguf", "the second part");
  put("half-00001-of-00002.gguf");
  expect(await library.models()).toMatchObject([
    {
      model: "big",
      file: "big-00001-of-00002.gguf",
      memory: { weights_bytes: WHOLE.length + 15, context_tokens: 131_072 },
    },
  ]);
});

test("what only sees for other models is left out, and of a file that cannot be read the size counts", async () => {
  const { library, put } = aLibrary();
  put("mmproj-model.gguf");
  put("eyes.gguf", CLIP);
  put("cut.gguf", WHOLE.subarray(0, 40));
  expect(await library.models()).toEqual([{ model: "cut", file: "cut.gguf", memory: { weights_bytes: 40 } }]);
});

test("a model that comes, changes or goes is seen when somebody asks a second later, not before", async () => {
  const { clock, dir, library, put, names } = aLibrary();
  expect(await names()).toEqual([]);
  const path = put("a.gguf", CLIP);
  expect(await library.models()).toEqual([]);
  expect(await names()).toEqual([]);
  writeFileSync(path, WHOLE);
  utimesSync(path, 1, 1);
  expect(await names()).toEqual(["a"]);
  renameSync(path, join(dir, "b.gguf"));
  expect(await names()).toEqual(["b"]);
  rmSync(dir, { recursive: true });
  clock.advance(1_000);
  expect(await names()).toEqual([]);
});

test("a hive tells its models, and whose they are", async () => {
  const { dir, put } = aLibrary();
  put("a.gguf");
  const { ask } = await aHive({ modelsDir: dir });
  const { status, json } = await ask("GET", "/v1/models");
  expect(status).toBe(200);
  expect(json).toMatchObject({
    hive_id: "desk",
    models: [{ model: "a", file: "a.gguf", memory: { weights_bytes: WHOLE.length } }],
  });
});
