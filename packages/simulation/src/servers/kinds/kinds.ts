import type { Kind } from "../kind.ts";
import { llamaServer } from "./llama-server.ts";
import { ollama } from "./ollama.ts";
import { openaiCompatible } from "./openai-compatible.ts";
import { vllm } from "./vllm.ts";

export type EmulatorKind = "llama-server" | "ollama" | "vllm" | "openai-compatible";

export const KINDS: Readonly<Record<EmulatorKind, Kind>> = {
  "llama-server": llamaServer,
  ollama,
  vllm,
  "openai-compatible": openaiCompatible,
};

export const EMULATOR_KINDS: readonly EmulatorKind[] = Object.keys(KINDS) as EmulatorKind[];
