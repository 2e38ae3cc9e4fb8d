import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PROGRAM_FILE } from "@hive-registry/command";
import { ERROR_STATUS, type ErrorCode, HiveError } from "@hive-registry/contract";
import { withoutOwnSettings } from "../../config/settings.ts";
import type { Command, Ending, Engine, Launch, Verdict } from "./engine.ts";
import { visibleDevice } from "./visible-device.ts";

const WORKER_PACKAGE = "@hive-registry/worker";
/** The bundled worker exits with this when no restart heals it (EX_CONFIG of sysexits.h). */
const EXIT_UNHEALABLE = 78;
/** It does not understand how it was started: a number out of its range, say. */
const EXIT_USAGE = 2;
const LAST_WORDS_MAX = 1_000;

/** The file that `@hive-registry/worker` names as its entry; undefined when it is not installed or not built. */
export function workerEntry(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(WORKER_PACKAGE);
  } catch {
    return undefined;
  }
}

/**
 * The bundled worker: llama.cpp behind the OpenAI API. It is a package of its own, resolved only when a worker starts, so
 * that a hive on a machine without it still reports devices and other servers.
 */
export function llamaCpp(
  options: {
    readonly program?: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly entry?: () => string | undefined;
  } = {},
): Engine {
  return {
    name: "llama-cpp",
    healthPath: "/health",
    command: (launch) => ({
      command: process.execPath,
      args: [options.program ?? programBeside((options.entry ?? workerEntry)()), ...flags(launch)],
      env: environment(launch, options.env ?? process.env),
    }),
    portIn(line) {
      const port = /^listening on https?:\/\/\S*:(\d{1,5})\/?$/.exec(line.trim())?.[1];
      return port === undefined ? undefined : Number(port);
    },
    verdict,
  };
}

function programBeside(entry: string | undefined): string {
  if (entry === undefined) {
    throw new HiveError("ENGINE_MISSING", `The bundled worker is not installed here: npm install ${WORKER_PACKAGE}`);
  }
  return join(dirname(entry), PROGRAM_FILE);
}

function flags(launch: Launch): string[] {
  return [
    ...["--model", launch.model_path, "--alias", launch.alias],
    ...["--port", String(launch.port), "--listen", launch.listen],
    ...(launch.slots === undefined ? [] : ["--slots", String(launch.slots)]),
    ...(launch.context_tokens === undefined ? [] : ["--context-tokens", String(launch.context_tokens)]),
    ...(launch.gpu === false ? ["--gpu", "off"] : []),
    ...["--worker-id", launch.worker_id, "--hive-url", launch.hive_url, "--exit-with-parent"],
  ];
}

function environment(launch: Launch, base: NodeJS.ProcessEnv): Command["env"] {
  return {
    // What was meant for the hive (its token, its port) must not become the worker's.
    ...withoutOwnSettings(base),
    ...(launch.token !== undefined && { HIVE_TOKEN: launch.token }),
    ...(launch.fleet_token_sha256 !== undefined && { HIVE_FLEET_TOKEN_SHA256: launch.fleet_token_sha256 }),
    ...(launch.device !== undefined && visibleDevice(launch.device)),
  };
}

/** The worker's last line on stderr is `fatal: CODE: text` when it knows why it ends. */
function verdict({ code, signal, lastLines }: Ending): Verdict {
  const [, name, text] = lastLines.map((line) => /^fatal: ([A-Z_]+): (.*)$/.exec(line)).findLast(Boolean) ?? [];
  if (name === "PORT_IN_USE") return { kind: "port-taken" };
  const lastWords = (text ?? lastLines.at(-1) ?? "").trim().slice(0, LAST_WORDS_MAX);
  const how = code === null ? `was ended by ${signal ?? "a signal"}` : `ended with exit code ${code}`;
  const message = lastWords === "" ? `The worker ${how}` : `The worker ${how}: ${lastWords}`;
  if (code === EXIT_USAGE) return { kind: "fatal", error: new HiveError("INVALID_REQUEST", lastWords || message) };
  if (code !== EXIT_UNHEALABLE) return { kind: "restart", message };
  return name !== undefined && Object.hasOwn(ERROR_STATUS, name)
    ? { kind: "fatal", error: new HiveError(name as ErrorCode, lastWords) }
    : { kind: "fatal", error: new HiveError("WORKER_FAILED", message) };
}
