import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { closureOf } from "./closure.ts";
import { bundledEngine } from "./engine.ts";
import { type TarFile, tarOf } from "./tar.ts";

const LINUX = { os: "linux", arch: "x64" } as const;

/** A folder with these files, by their names. Of a package.json what is given is its content. */
function aFolder(files: Readonly<Record<string, string | object>>): string {
  const root = mkdtempSync(join(tmpdir(), "hive-engine-test-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  }
  return root;
}

const aPackage = (name: string, ...needs: readonly string[]) => ({
  name,
  dependencies: Object.fromEntries(needs.map((one) => [one, "1"])),
});

/** An installation as small as one can be. */
const INSTALLED = {
  "node_modules/@hive-registry/worker/package.json": aPackage("@hive-registry/worker"),
  "node_modules/@hive-registry/worker/dist/bundle.js": "// the worker",
  "node_modules/@hive-registry/worker/dist/index.bundle.js": "// its library",
  "node_modules/node-llama-cpp/package.json": {
    ...aPackage("node-llama-cpp", "cmake-js", "ora"),
    optionalDependencies: Object.fromEntries(
      ["linux-x64", "linux-x64-cuda", "linux-x64-vulkan", "linux-arm64", "mac-x64"].map((one) => [
        `@node-llama-cpp/${one}`,
        "1",
      ]),
    ),
  },
  "node_modules/node-llama-cpp/dist/index.js": "",
  "node_modules/node-llama-cpp/dist/index.d.ts": "",
  "node_modules/node-llama-cpp/llama/gitRelease.bundle": "sources",
  "node_modules/node-llama-cpp/llama/llama.cpp.info.json": "{}",
  "node_modules/@node-llama-cpp/linux-x64/package.json": aPackage("@node-llama-cpp/linux-x64"),
  "node_modules/@node-llama-cpp/linux-x64/bins/llama-addon.node": "native",
  "node_modules/@node-llama-cpp/linux-x64-cuda/package.json": aPackage("@node-llama-cpp/linux-x64-cuda"),
  "node_modules/@node-llama-cpp/linux-x64-vulkan/package.json": aPackage("empty-npm-package"),
  "node_modules/@node-llama-cpp/linux-arm64/package.json": {
    ...aPackage("@node-llama-cpp/linux-arm64"),
    ...{ os: ["linux"], cpu: ["arm64", "x64"] },
  },
  "node_modules/cmake-js/package.json": aPackage("cmake-js"),
  "node_modules/ora/package.json": aPackage("ora"),
  "node_modules/ora/readme.md": "",
  "node_modules/ora/license.md": "",
} as const;

async function unpacked(root: string): Promise<{ readonly to: string; readonly version: string }> {
  const { input, version } = await bundledEngine(root, LINUX, LINUX);
  const to = aFolder({});
  const archive = input.map((part) => (typeof part === "string" ? Buffer.from(part) : readFileSync(part.file)));
  expect(spawnSync("tar", ["-xf", "-", "-C", to], { input: Buffer.concat(archive) })).toMatchObject({ status: 0 });
  return { to, version };
}

test("an engine is the worker, node-llama-cpp, and what that runs with on such a system, GPUs too where they are installed", async () => {
  const { to } = await unpacked(aFolder(INSTALLED));
  const files = readdirSync(to, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map(({ parentPath, name }) => join(parentPath, name).slice(to.length + 1));
  expect(names.map((name) => name.replace("node_modules/", "")).toSorted()).toEqual([
    "@hive-registry/worker/dist/index.js",
    "@hive-registry/worker/dist/main.js",
    "@hive-registry/worker/package.json",
    "@node-llama-cpp/linux-x64-cuda/package.json",
    "@node-llama-cpp/linux-x64/bins/llama-addon.node",
    "@node-llama-cpp/linux-x64/package.json",
    "SHA256SUMS",
    "node-llama-cpp/dist/index.js",
    "node-llama-cpp/llama/llama.cpp.info.json",
    "node-llama-cpp/package.json",
    "ora/license.md",
    "ora/package.json",
  ]);
  expect(readFileSync(join(to, "node_modules/@hive-registry/worker/dist/main.js"), "utf8")).toBe("// the worker");
  expect(spawnSync("sha256sum", ["-c", "SHA256SUMS"], { cwd: to })).toMatchObject({ status: 0 });
});

test("its version is that of what is in it, wherever it lies", async () => {
  const { version } = await unpacked(aFolder(INSTALLED));
  expect((await unpacked(aFolder(INSTALLED))).version).toBe(version);
  const other = { ...INSTALLED, "node_modules/node-llama-cpp/dist/index.js": "// mended" };
  expect((await unpacked(aFolder(other))).version).not.toBe(version);
});

test("an engine that is not built, not installed, or for another system is told with what to do", async () => {
  const { "node_modules/@hive-registry/worker/dist/bundle.js": _, ...unbuilt } = INSTALLED;
  const refused = (why: string) => ({ code: "ENGINE_MISSING", message: expect.stringContaining(why) });
  await expect(bundledEngine(aFolder(unbuilt), LINUX, LINUX)).rejects.toMatchObject(refused("npm run build"));
  await expect(bundledEngine(aFolder({}), LINUX, LINUX)).rejects.toMatchObject(refused("is not installed"));
  const mac = { os: "darwin", arch: "arm64" } as const;
  await expect(bundledEngine(aFolder(INSTALLED), mac, LINUX)).rejects.toMatchObject(
    refused("is for linux x64, and that machine is darwin arm64. Add the machine without it"),
  );
});

test("each package finds there the very one that it finds here", () => {
  const root = aFolder({
    "node_modules/a/package.json": aPackage("a", "b", "c", "not-installed"),
    "node_modules/b/package.json": aPackage("b", "c"),
    "node_modules/b/node_modules/c/package.json": aPackage("c", "d"),
    "node_modules/c/package.json": aPackage("c", "a"),
    "node_modules/d/package.json": aPackage("d"),
  });
  const placed = closureOf(join(root, "node_modules/a"), "a", LINUX);
  expect(placed.map(({ from, to }) => [from.slice(root.length + 1), to])).toEqual([
    ["node_modules/a", "node_modules/a"],
    ["node_modules/b", "node_modules/b"],
    ["node_modules/c", "node_modules/c"],
    ["node_modules/b/node_modules/c", "node_modules/b/node_modules/c"],
    ["node_modules/d", "node_modules/d"],
  ]);
});

test("long names go into an archive as far as such an archive can hold them", () => {
  const to = aFolder({});
  const name = `${"folder/".repeat(20)}${"f".repeat(90)}.js`;
  const file = (called: string): TarFile => ({ name: called, bytes: 5, content: "hello" });
  const input = tarOf([file(name), file("short")]).map((part) => Buffer.from(String(part)));
  expect(spawnSync("tar", ["-xf", "-", "-C", to], { input: Buffer.concat(input) })).toMatchObject({ status: 0 });
  expect(readFileSync(join(to, name), "utf8")).toBe("hello");
  for (const impossible of ["f".repeat(101), `${"folder/".repeat(40)}f`, "ä"]) {
    expect(() => tarOf([file(impossible)])).toThrow(TypeError);
  }
});
