import type { Kind } from "../kind.ts";
import { koboldcpp } from "./koboldcpp.ts";
import { llamaCpp } from "./llama-cpp.ts";
import { llamaServer } from "./llama-server.ts";
import { llamaSwap } from "./llama-swap.ts";
import { lmStudio } from "./lm-studio.ts";
import { localai } from "./localai.ts";
import { mlx } from "./mlx.ts";
import { ollama } from "./ollama.ts";
import { openaiCompatible } from "./openai-compatible.ts";
import { sglang } from "./sglang.ts";
import { tgi } from "./tgi.ts";
import { vllm } from "./vllm.ts";

/** Names as on the wire; `llama-cpp` is this project's own worker. */
export const EMULATOR_KINDS = [
  "llama-cpp",
  "llama-server",
  "ollama",
  "vllm",
  "sglang",
  "lm-studio",
  "tgi",
  "mlx",
  "localai",
  "llama-swap",
  "koboldcpp",
  "openai-compatible",
] as const;
export type EmulatorKind = (typeof EMULATOR_KINDS)[number];

export const KINDS: Readonly<Record<EmulatorKind, Kind>> = {
  "llama-cpp": llamaCpp,
  "llama-server": llamaServer,
  ollama,
  vllm,
  sglang,
  "lm-studio": lmStudio,
  tgi,
  mlx,
  localai,
  "llama-swap": llamaSwap,
  koboldcpp,
  "openai-compatible": openaiCompatible,
};
