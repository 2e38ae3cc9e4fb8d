import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Started, startProgram } from "./processes.ts";
import { ROOT, type Workplace } from "./workplace.ts";

export const HOW_TO_GET_ONE =
  "No llama-server is here, so nothing was tried with a real one. " +
  "`npm run llama-server` builds it (about 12 minutes of CPU time, once); HIVE_LLAMA_SERVER=PATH names one.";

/** llama.cpp's own server: the one that is named, or that `npm run llama-server` has built. */
export function findLlamaServer(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env.HIVE_LLAMA_SERVER;
  if (named && !existsSync(named)) throw new Error(`HIVE_LLAMA_SERVER: there is no ${named}`);
  const built = join(env.HIVE_LLAMA_SERVER_DIR || join(ROOT, ".cache", "llama-server"), "bin", "llama-server");
  return named || (existsSync(built) ? built : undefined);
}

/** Starts it with room for four requests at once. Without enough threads for HTTP, clients that keep their connections stall each other. */
export function startLlamaServer(program: string, place: Workplace, words: readonly string[]): Started {
  const args = ["--host", "127.0.0.1", "-np", "4", "--threads-http", "32", "--threads", "1", "--offline", ...words];
  return startProgram(program, { args, env: place.env, cwd: place.root });
}
