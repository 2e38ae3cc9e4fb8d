import { askedOnce } from "./asked-once.ts";
import { bundledWorker } from "./bundled-worker.ts";
import { koboldCpp } from "./koboldcpp.ts";
import { llamaServer, namesLlamaCpp } from "./llama-server.ts";
import { llamaSwap } from "./llama-swap.ts";
import { lmStudio } from "./lm-studio.ts";
import { localAi } from "./localai.ts";
import { mlx } from "./mlx.ts";
import { ollama } from "./ollama.ts";
import { openAiCompatible } from "./openai-compatible.ts";
import type { Server, ServerEngine } from "./server-engine.ts";
import { sglang } from "./sglang.ts";
import { tgi } from "./tgi.ts";
import { vllm } from "./vllm.ts";

/** In the order of asking: who emulates others comes before them, and what only looks like OpenAI comes last. */
export const SERVER_ENGINES: readonly ServerEngine[] = [
  koboldCpp,
  localAi,
  llamaSwap,
  tgi,
  sglang,
  lmStudio,
  ollama,
  llamaServer,
  vllm,
  bundledWorker,
  mlx,
  openAiCompatible,
];

/**
 * Which kind of server this is; `undefined` when it is none, or does not answer. Each path is asked once, whoever wants to
 * know, so the whole of it costs a dozen small requests at most.
 */
export async function recognise(server: Server): Promise<ServerEngine | undefined> {
  const asked = askedOnce(server);
  for (const engine of SERVER_ENGINES) {
    if (await engine.recognises(asked)) return engine;
    // Whatever was asked: while its model loads, llama-server answers no question of another kind.
    if (asked.answers().some(namesLlamaCpp)) return llamaServer;
    if (asked.isSilent()) return undefined;
  }
  return undefined;
}
