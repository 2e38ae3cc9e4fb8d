import { availableParallelism } from "node:os";
import type { Log } from "@hive-registry/command";
import type { Llama, LlamaModel } from "node-llama-cpp";
import { FatalError } from "../fatal.ts";
import { ChatTemplate } from "./chat-template.ts";
import { LlamaEngine } from "./llama.ts";
import { checkModelFile } from "./model-file.ts";

type Library = typeof import("node-llama-cpp");

export interface LoadOptions {
  readonly modelPath: string;
  readonly slots: number;
  /** Context of each slot, tokens. At most what the model was trained for; absent: that, up to `DEFAULT_CONTEXT_TOKENS`, as memory allows. */
  readonly contextTokens?: number;
  readonly gpu: "auto" | "off";
  /** Threads that compute on the CPU. Absent: one for each core, and one alone for a very small model. */
  readonly threads?: number;
}

export const DEFAULT_CONTEXT_TOKENS = 8192;
const LEAST_CONTEXT_TOKENS = 256;
/** Below this the threads would wait for each other longer than they compute: 0.3 ms a token with one, 17 ms with two. */
const ONE_THREAD_BELOW_BYTES = 16 * 1024 * 1024;
/** llama.cpp's log lines reach us a little after its failure does. */
const LOG_DELAY_MS = 100;

/** @throws {FatalError} `MODEL_NOT_FOUND`, `MODEL_INVALID`, `MODEL_TRUNCATED`, `ENGINE_MISSING`, `OUT_OF_MEMORY` */
export async function loadLlamaEngine(deps: { readonly log: Log }, options: LoadOptions): Promise<LlamaEngine> {
  const file = await checkModelFile(options.modelPath);
  const library = await importLibrary();
  const errors: string[] = [];
  const llama = await startLlama(library, deps.log, options, errors);
  const model = await loadModel(library, llama, options, errors);
  const context = await model
    .createContext({
      sequences: options.slots,
      contextSize: contextSize(model, options, deps.log),
      threads: options.threads ?? threadsFor(llama, file.bytes),
    })
    .catch((error: unknown) => {
      throw outOfMemory(library, error) ?? refused(options.modelPath, error, errors);
    });
  const template = new ChatTemplate(library, model, (error) => {
    deps.log.warn({ err: error }, "the model's chat template cannot be used; a general one takes its place");
  });
  const info = {
    n_ctx_train: model.trainContextSize,
    // llama.cpp rounds a context up.
    n_ctx: Math.min(context.contextSize, model.trainContextSize),
    n_params: file.n_params,
    size: file.bytes,
    backend: llama.gpu === false ? "cpu" : llama.gpu,
  };
  return new LlamaEngine(
    { llama, model, context, template, info },
    { slots: options.slots, generates: canGenerate(model) },
  );
}

async function importLibrary(): Promise<Library> {
  try {
    return await import("node-llama-cpp");
  } catch (cause) {
    throw new FatalError("ENGINE_MISSING", "node-llama-cpp is not installed; npm install node-llama-cpp", { cause });
  }
}

async function startLlama(library: Library, log: Log, options: LoadOptions, errors: string[]): Promise<Llama> {
  try {
    return await library.getLlama({
      gpu: options.gpu === "off" ? false : "auto",
      build: "never",
      skipDownload: true,
      progressLogs: false,
      logLevel: library.LlamaLogLevel.warn,
      logger: (level, message) => {
        if (level === "error" || level === "fatal") errors.push(message.trim());
        log.debug({ llama: level }, message.trim());
      },
    });
  } catch (cause) {
    if (!(cause instanceof library.NoBinaryFoundError)) throw cause;
    const message = `node-llama-cpp has no binary for ${process.platform}-${process.arch}`;
    throw new FatalError("ENGINE_MISSING", `${message}; reinstall it with its optional dependencies`, { cause });
  }
}

async function loadModel(
  library: Library,
  llama: Llama,
  options: LoadOptions,
  errors: readonly string[],
): Promise<LlamaModel> {
  try {
    return await llama.loadModel({ modelPath: options.modelPath });
  } catch (error) {
    await new Promise((resolve) => setTimeout(resolve, LOG_DELAY_MS));
    throw outOfMemory(library, error) ?? refused(options.modelPath, error, errors);
  }
}

/** llama.cpp's threads spin while they wait for each other, so one more than there are cores costs a hundredfold. */
function threadsFor(llama: Llama, modelBytes: number): number {
  return modelBytes < ONE_THREAD_BELOW_BYTES ? 1 : Math.max(1, Math.min(llama.cpuMathCores, availableParallelism()));
}

/** Never beyond what the model was trained for: some models have no positions after it, and the others talk nonsense there. */
function contextSize(
  model: LlamaModel,
  { contextTokens }: LoadOptions,
  log: Log,
): number | { readonly min: number; readonly max: number } {
  const trained = model.trainContextSize;
  if (contextTokens === undefined) {
    const max = Math.min(trained, DEFAULT_CONTEXT_TOKENS);
    return { min: Math.min(LEAST_CONTEXT_TOKENS, max), max };
  }
  if (contextTokens > trained)
    log.warn({ asked: contextTokens, trained }, "the model's context is shorter than asked for");
  return Math.min(contextTokens, trained);
}

/** Models that read only (embeddings) look at a text from both sides, and cannot write on from it. */
function canGenerate(model: LlamaModel): boolean {
  const { architectureMetadata } = model.fileInfo;
  return model.fileInsights.hasDecoder && architectureMetadata.attention?.causal !== false;
}

function outOfMemory(library: Library, cause: unknown): FatalError | undefined {
  if (!(cause instanceof library.InsufficientMemoryError)) return undefined;
  return new FatalError("OUT_OF_MEMORY", `the model does not fit the free memory: ${cause.message}`, { cause });
}

function refused(path: string, cause: unknown, errors: readonly string[]): FatalError {
  const why = errors[0] ?? (cause instanceof Error ? cause.message : String(cause));
  const code = /not within the file bounds|corrupted or incomplete/.test(why) ? "MODEL_TRUNCATED" : "MODEL_INVALID";
  return new FatalError(code, `llama.cpp cannot load ${path}: ${why}`, { cause });
}
