import { open, stat } from "node:fs/promises";
import { basename, isAbsolute, join, resolve } from "node:path";
import { HiveError, MODEL_LENGTH_MAX } from "@hive-registry/contract";

/** The first four bytes of every GGUF file. */
const MAGIC = "GGUF";

/**
 * The file that `model` means: a path, or the name of a file in the models folder, with or without `.gguf`.
 *
 * @throws {HiveError} `MODEL_NOT_FOUND` when there is no such file, `MODEL_INVALID` when it is no GGUF file.
 */
export async function findModelFile(model: string, modelsDir: string): Promise<string> {
  for (const path of candidates(model, modelsDir)) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    // Opening a pipe or a device could wait for ever.
    if (!found.isFile()) throw new HiveError("MODEL_INVALID", `${model} is not a file`);
    await checkMagic(path, model);
    return path;
  }
  const where = isAbsolute(model) ? "" : ", nor in the models folder";
  throw new HiveError("MODEL_NOT_FOUND", `There is no model file ${model}${where}`);
}

function candidates(model: string, modelsDir: string): string[] {
  if (isAbsolute(model)) return [model];
  return [join(modelsDir, model), join(modelsDir, `${model}.gguf`), resolve(model)];
}

async function checkMagic(path: string, model: string): Promise<void> {
  const file = await open(path, "r").catch(() => {
    throw new HiveError("MODEL_NOT_FOUND", `The model file ${model} cannot be read by the hive's user`);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    if (bytesRead === MAGIC.length && buffer.toString("latin1") === MAGIC) return;
  } finally {
    await file.close();
  }
  throw new HiveError("MODEL_INVALID", `${model} is not a GGUF model: it does not start with "${MAGIC}"`);
}

/** What clients ask for when nobody says otherwise: the file's name without its ending, without what cannot be shown. */
export function aliasOf(path: string): string {
  const name = basename(path)
    .replace(/\.gguf$/i, "")
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "")
    .slice(0, MODEL_LENGTH_MAX);
  return /^(?:|\.|\.\.|__proto__|constructor|prototype)$/.test(name) ? "model" : name;
}
