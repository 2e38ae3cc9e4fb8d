import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Log } from "@hive-registry/command";
import { LIBRARY_MODELS_MAX, type LibraryModel, type ModelMemory } from "@hive-registry/contract";
import type { Clock } from "../clock.ts";
import { aliasOf } from "../workers/model-file.ts";
import { readGgufHeader } from "./gguf-header.ts";
import { isMemoryKey, isModel, memoryOf } from "./gguf-memory.ts";

/** Folders within folders that are looked into. */
const DEPTH_MAX = 4;
/** Entries of folders that are looked at in all. */
const ENTRIES_MAX = 20_000;
/** Who asks again within this time gets the same answer. */
const FRESH_MS = 1_000;

const PART = /-(\d{5})-of-(\d{5})\.gguf$/i;
/** Under it the part lies that a model sees with. */
const PROJECTOR = /^mmproj/i;

interface ModelFile {
  /** Within the models folder, with slashes. */
  readonly file: string;
  readonly path: string;
  readonly bytes: number;
  readonly changedMs: number;
}

/** Undefined: no model that can be served. */
type Known = Omit<ModelMemory, "weights_bytes"> | undefined;

/** The models that lie in this machine's models folder. Files are read when somebody asks, and again when they changed. */
export class ModelLibrary {
  readonly #clock: Clock;
  readonly #log: Pick<Log, "debug">;
  readonly #dir: string;
  readonly #known: Map<string, { readonly stamp: string; readonly memory: Known }> = new Map();
  #asked: { readonly atMs: number; readonly models: Promise<readonly LibraryModel[]> } | undefined;

  constructor(deps: { readonly clock: Clock; readonly log: Pick<Log, "debug"> }, modelsDir: string) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#dir = modelsDir;
  }

  /** By name. A folder that is not there is empty. */
  models(): Promise<readonly LibraryModel[]> {
    const nowMs = this.#clock.nowMs();
    if (this.#asked === undefined || nowMs - this.#asked.atMs >= FRESH_MS) {
      this.#asked = { atMs: nowMs, models: this.#look() };
    }
    return this.#asked.models;
  }

  async #look(): Promise<readonly LibraryModel[]> {
    const files = wholeModels(await modelFiles(this.#dir));
    const models = new Map<string, LibraryModel>();
    const seen = new Set<string>();
    for (const { first, bytes } of files) {
      if (models.size >= LIBRARY_MODELS_MAX) break;
      const memory = await this.#memoryOf(first);
      seen.add(first.path);
      const model = aliasOf(first.path.replace(PART, ".gguf"));
      // Of two files with one name the first one counts.
      if (memory === undefined || models.has(model)) continue;
      models.set(model, { model, file: first.file, memory: { weights_bytes: bytes, ...memory } });
    }
    for (const path of this.#known.keys()) if (!seen.has(path)) this.#known.delete(path);
    return [...models.values()].sort((a, b) => (a.model < b.model ? -1 : 1));
  }

  async #memoryOf({ path, bytes, changedMs }: ModelFile): Promise<Known> {
    const stamp = `${bytes} ${changedMs}`;
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return known.memory;
    const memory = await this.#read(path);
    this.#known.set(path, { stamp, memory });
    return memory;
  }

  async #read(path: string): Promise<Known> {
    try {
      const header = await readGgufHeader(path, isMemoryKey);
      return isModel(header) ? memoryOf(header) : undefined;
    } catch (error) {
      // Its size is known all the same, and the engine has the last word on it.
      this.#log.debug({ file: basename(path), err: error }, "what this model needs cannot be read; its size counts");
      return {};
    }
  }
}

/** All GGUF files below a folder, in the order of their names. */
async function modelFiles(dir: string): Promise<ModelFile[]> {
  const found: ModelFile[] = [];
  let left = ENTRIES_MAX;
  const look = async (folder: string, prefix: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (--left < 0) return;
      const path = join(folder, entry.name);
      const file = `${prefix}${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < DEPTH_MAX && !entry.name.startsWith(".")) await look(path, `${file}/`, depth + 1);
      } else if (/\.gguf$/i.test(entry.name) && !PROJECTOR.test(entry.name)) {
        // Through links too: model stores are full of them.
        const about = await stat(path).catch(() => undefined);
        if (about?.isFile()) found.push({ file, path, bytes: about.size, changedMs: about.mtimeMs });
      }
    }
  };
  await look(dir, "", 1);
  return found;
}

/** Files in parts become one model, named after its first part; one that lacks a part is none. */
function wholeModels(files: readonly ModelFile[]): { readonly first: ModelFile; readonly bytes: number }[] {
  const parts = new Map<string, ModelFile[]>();
  for (const file of files) {
    const total = PART.exec(file.file)?.[2];
    const key = total === undefined ? file.file : `${file.file.replace(PART, "")} ${total}`;
    const others = parts.get(key);
    if (others === undefined) parts.set(key, [file]);
    else others.push(file);
  }
  return [...parts.values()].flatMap((all) => {
    const [first] = all;
    if (first === undefined) return [];
    const total = PART.exec(first.file)?.[2];
    if (total !== undefined && Number(total) !== all.length) return [];
    return [{ first, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) }];
  });
}
