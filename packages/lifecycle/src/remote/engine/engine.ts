import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { HiveError } from "@hive-registry/contract/errors";
import type { Input } from "../../ssh/program.ts";
import type { Preflight } from "../machine.ts";
import { closureOf, packageFrom } from "./closure.ts";
import { type TarFile, tarOf } from "./tar.ts";

const WORKER = "@hive-registry/worker";
const LLAMA = "node-llama-cpp";
/** Of node-llama-cpp: not what llama.cpp is built from (35 MB), but what says which release it is. */
const LEFT_OF_LLAMA = /^(?:bins|templates|llama\/(?!grammars\/|[^/]+\.json$))\/?/;
/** For who writes programs, or reads about them. Licences go along. */
const NOT_RUN = /\.(?:[cm]?ts|map|flow|tsbuildinfo)$|(?<!licen[sc]e)\.(?:md|markdown)$/i;
const BLOCK_BYTES = 4_096;
/** Whose sum names the engine. */
const SUMS = "SHA256SUMS";

/** The bundled inference engine, as it is brought to a machine: one stream of files. */
export interface BundledEngine {
  /** The first 12 digits of the SHA-256 of all its files' names and sums. */
  readonly version: string;
  /** Of its list of files and sums, by which it is known to be whole. */
  readonly sha256: string;
  /** What is sent. */
  readonly bytes: number;
  /** What it takes of a disk. */
  readonly disk_bytes: number;
  /** As a tar archive. */
  readonly input: Input;
}

/**
 * The worker that is installed beside a module, and node-llama-cpp with what it needs at run time.
 *
 * @param from A folder from which `@hive-registry/worker` is looked for, as Node does.
 * @throws {HiveError} `ENGINE_MISSING` where there is none, or none that runs on such a system.
 */
export async function bundledEngine(
  from: string,
  system: Pick<Preflight, "os" | "arch">,
  self: { readonly os: string; readonly arch: string } = { os: process.platform, arch: process.arch },
): Promise<BundledEngine> {
  if (system.os !== self.os || system.arch !== self.arch) {
    throw missing(`the one here is for ${self.os} ${self.arch}, and that machine is ${system.os} ${system.arch}`);
  }
  const worker = packageFrom(from, WORKER);
  if (worker === undefined) throw missing(`${WORKER} is not installed beside the queen`);
  const llama = packageFrom(worker, LLAMA);
  if (llama === undefined) throw missing(`${LLAMA} is not installed beside the queen`);
  const files = [...workerFiles(worker)];
  for (const { from: folder, to } of closureOf(llama, LLAMA, system)) {
    for (const name of await filesIn(folder)) {
      const isLeft = NOT_RUN.test(name) || (folder === llama && LEFT_OF_LLAMA.test(name));
      if (!isLeft) files.push({ name: `${to}/${name}`, path: join(folder, name) });
    }
  }
  return sealed(files);
}

/** The program under the name by which a hive that is not bundled beside it looks for it, and what the hive itself uses of it. */
const workerFiles = (worker: string): readonly TarFileSource[] =>
  [
    ["package.json", "package.json"],
    ["dist/bundle.js", "dist/main.js"],
    ["dist/index.bundle.js", "dist/index.js"],
  ].map(([here = "", there = ""]) => ({ name: `node_modules/${WORKER}/${there}`, path: join(worker, here) }));

interface TarFileSource {
  readonly name: string;
  readonly path: string;
}

/** Names below a folder, with slashes, those of packages inside it left out. */
async function filesIn(folder: string, below = ""): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const name = `${below}${entry.name}`;
    if (entry.isDirectory() && entry.name !== "node_modules") names.push(...(await filesIn(folder, `${name}/`)));
    else if (entry.isFile()) names.push(name);
  }
  return names;
}

async function sealed(sources: readonly TarFileSource[]): Promise<BundledEngine> {
  const files: TarFile[] = [];
  const sums: string[] = [];
  for (const { name, path } of sources.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    files.push({ name, bytes: await sizeOf(path), content: { file: path } });
    sums.push(`${await sumOf(path)}  ${name}\n`);
  }
  const text = sums.join("");
  const sha256 = createHash("sha256").update(text).digest("hex");
  files.push({ name: SUMS, bytes: text.length, content: text });
  return {
    version: sha256.slice(0, 12),
    sha256,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    disk_bytes: files.reduce((sum, { bytes }) => sum + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES, 0),
    input: tarOf(files),
  };
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw missing("the worker is not built here: npm run build", { cause });
  }
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

const missing = (why: string, options?: { readonly cause: unknown }): HiveError =>
  new HiveError(
    "ENGINE_MISSING",
    `The bundled inference engine cannot be brought: ${why}. Add the machine without it, and install the hive there with npm, or run any server of your own there`,
    options,
  );
