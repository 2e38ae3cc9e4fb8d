import type { Samples } from "../sample.ts";
import { bundledWorkerSamples } from "./bundled-worker.ts";
import { koboldCppSamples } from "./koboldcpp.ts";
import { llamaServerSamples } from "./llama-server.ts";
import { capturedLlamaServerSamples } from "./llama-server-captured.ts";
import { llamaSwapSamples } from "./llama-swap.ts";
import { lmStudioSamples } from "./lm-studio.ts";
import { localAiSamples } from "./localai.ts";
import { mlxSamples } from "./mlx.ts";
import { ollamaSamples } from "./ollama.ts";
import { openAiCompatibleSamples } from "./openai-compatible.ts";
import { sglangSamples } from "./sglang.ts";
import { tgiSamples } from "./tgi.ts";
import { vllmSamples } from "./vllm.ts";

/** A sample of each kind, and what real ones answered where they could be had. */
export const ALL_SAMPLES: readonly Samples[] = [
  koboldCppSamples,
  localAiSamples,
  llamaSwapSamples,
  tgiSamples,
  sglangSamples,
  lmStudioSamples,
  ollamaSamples,
  llamaServerSamples,
  capturedLlamaServerSamples,
  vllmSamples,
  bundledWorkerSamples,
  mlxSamples,
  openAiCompatibleSamples,
];
