import {
  type Environment,
  isLoopback,
  LOG_LEVELS,
  type LogLevel,
  readToken,
  SettingError,
  sha256,
} from "@hive-registry/command";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { DEMO_MODEL_ID } from "./demo/demo-model.ts";
import { FatalError } from "./fatal.ts";
import type { WorkerOptions } from "./worker.ts";

export interface CommandLine extends WorkerOptions {
  readonly gpu: "auto" | "off";
  readonly contextTokens?: number;
  readonly threads?: number;
  readonly exitWithParent: boolean;
  readonly logLevel: LogLevel;
}

export const DEFAULT_PORT = 9300;
export const DEFAULT_SLOTS = 4;
/** Each slot holds a context of its own in memory. */
export const MAX_SLOTS = 256;
const MAX_THREADS = 1024;
const MAX_CONTEXT_TOKENS = 16_777_216;

export interface CommandLineDeps {
  readonly env: Environment;
  readonly print: (text: string) => void;
}

/**
 * Reads `hive-worker`'s arguments.
 *
 * @returns `undefined` when only help was asked for.
 * @throws {FatalError} `USAGE`
 */
export function readCommandLine(deps: CommandLineDeps, args: readonly string[]): CommandLine | undefined {
  const command = describe(deps);
  try {
    command.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new FatalError("USAGE", error.message.replace(/^error: /, ""));
  }
  const flags = command.opts<Flags>();
  const { token, fleetTokenSha256 } = tokensOf(flags.tokenFile, deps.env);
  if (!isLoopback(flags.listen) && token === undefined && fleetTokenSha256 === undefined) {
    const message = `refusing to listen on ${flags.listen} without a token; give --token-file or HIVE_TOKEN`;
    throw new FatalError("USAGE", message);
  }
  return {
    modelPath: flags.model,
    port: flags.port,
    listen: flags.listen,
    slots: flags.slots,
    gpu: flags.gpu,
    exitWithParent: flags.exitWithParent === true,
    logLevel: flags.logLevel,
    ...(flags.alias !== undefined && { alias: flags.alias }),
    ...(flags.contextTokens !== undefined && { contextTokens: flags.contextTokens }),
    ...(flags.threads !== undefined && { threads: flags.threads }),
    ...(flags.workerId !== undefined && { workerId: flags.workerId }),
    ...(flags.hiveUrl !== undefined && { hiveUrl: flags.hiveUrl }),
    ...(token !== undefined && { token }),
    ...(fleetTokenSha256 !== undefined && { fleetTokenSha256 }),
  };
}

interface Flags {
  readonly model: string;
  readonly alias?: string;
  readonly port: number;
  readonly listen: string;
  readonly slots: number;
  readonly contextTokens?: number;
  readonly threads?: number;
  readonly gpu: "auto" | "off";
  readonly tokenFile?: string;
  readonly workerId?: string;
  readonly hiveUrl?: string;
  readonly exitWithParent?: boolean;
  readonly logLevel: LogLevel;
}

function describe({ print }: CommandLineDeps): Command {
  return new Command("hive-worker")
    .description("Serves one GGUF model with llama.cpp behind the OpenAI API.")
    .requiredOption("--model <file>", `the GGUF file to serve; ${DEMO_MODEL_ID} is a demonstration, made on the spot`)
    .option("--alias <name>", "model id to serve it under (default: the file's name without .gguf)", name(512))
    .option("--port <number>", "port; 0 takes any free one", whole(0, 65_535), DEFAULT_PORT)
    .option("--listen <host>", "address; beyond loopback a token is needed", "127.0.0.1")
    .option("--slots <number>", "requests computed at once", whole(1, MAX_SLOTS), DEFAULT_SLOTS)
    .option("--context-tokens <number>", "context of each slot (default: the model's, as memory allows)", context)
    .option("--threads <number>", "CPU threads that compute (default: one for each core)", whole(1, MAX_THREADS))
    .addOption(
      new Option("--gpu <mode>", "use a GPU when there is one, or never").choices(["auto", "off"]).default("auto"),
    )
    .option("--token-file <file>", "file (mode 0600) with the API key to demand; or HIVE_TOKEN")
    .option("--worker-id <id>", "id in heartbeats (default: worker-PORT)", name(128))
    .option("--hive-url <url>", "hive to send heartbeats to", httpUrl)
    .option("--exit-with-parent", "end when the process that started this one ends")
    .addOption(new Option("--log-level <level>", "least important log line").choices(LOG_LEVELS).default("info"))
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => {} });
}

function whole(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`Give a whole number from ${minimum} to ${maximum}.`);
  };
}

const context: (text: string) => number = whole(16, MAX_CONTEXT_TOKENS);

function name(maximum: number): (text: string) => string {
  return (text) => {
    if (text.length <= maximum && /^[^\p{Cc}]+$/u.test(text)) return text;
    throw new InvalidArgumentError(`Give 1 to ${maximum} printable characters.`);
  };
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError("Give an address like http://127.0.0.1:7835.");
}

function tokensOf(
  file: string | undefined,
  env: Environment,
): { readonly token: string | undefined; readonly fleetTokenSha256: string | undefined } {
  const name = "HIVE_FLEET_TOKEN_SHA256";
  try {
    return { token: readToken(file, env), fleetTokenSha256: env[name] ? sha256(env[name], name) : undefined };
  } catch (error) {
    throw error instanceof SettingError ? new FatalError("USAGE", error.message) : error;
  }
}
