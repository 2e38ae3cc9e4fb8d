import { ClientError, type HiveAgentClient, type ManagedWorker, type StartWorker } from "@hive-registry/client";
import type { CommandDeps, JsonFlag } from "../deps.ts";
import { EXIT } from "../failure.ts";
import { chosenHive, type HiveChoice, type HiveDeps } from "../fleet/local-hive.ts";
import { oneLine } from "../output/text.ts";

/** A hive is asked to answer when the model is loaded; below what Node's fetch itself allows (300 s). */
export const START_WAIT_MS = 280_000;

export interface StartDeps extends HiveDeps, Pick<CommandDeps, "print" | "note" | "progress"> {
  /** A file's whole path if it is there, seen from where this command runs; any other name as it is. */
  wholePath(model: string): string;
}

export interface StartFlags extends HiveChoice, JsonFlag {
  readonly id?: string;
  readonly alias?: string;
  readonly slots?: number;
  readonly contextTokens?: number;
  readonly device?: number;
  readonly engine?: string;
}

/** `hive worker start MODEL`, a file here or a name that the hive knows: exits 0 when it answers, 1 with the hive's code and words when it does not. */
export async function startWorker(deps: StartDeps, model: string, flags: StartFlags): Promise<number> {
  const hive = await chosenHive(deps, flags);
  const progress = deps.progress();
  progress.waiting(`loading ${oneLine(model)}`);
  try {
    const worker = await started(hive, requestOf(flags.hive === undefined ? deps.wholePath(model) : model, flags));
    progress.end();
    if (flags.json) deps.print(JSON.stringify(worker));
    if (worker.phase === "failed") return tellFailure(deps, worker.error?.code, worker.error?.message);
    if (!flags.json) tellSuccess(deps, worker);
    return EXIT.done;
  } catch (error) {
    progress.end();
    if (!(error instanceof ClientError)) throw error;
    if (error.code === "TIMEOUT" && error.status === 0) {
      deps.note(
        `${model} is still loading after ${START_WAIT_MS / 1_000} s; the hive goes on. \`hive workers\` shows when it is Idle.`,
      );
      return EXIT.failed;
    }
    if (error.code === "HIVE_UNREACHABLE" || error.code === "UNAUTHENTICATED") throw error;
    return tellFailure(deps, error.code, error.message, lastWords(error.details));
  }
}

function started(hive: HiveAgentClient, request: StartWorker): Promise<ManagedWorker> {
  return hive.startWorker(request, { timeoutMs: START_WAIT_MS });
}

function requestOf(model: string, flags: StartFlags): StartWorker {
  return {
    model,
    wait: true,
    ...(flags.id === undefined ? {} : { worker_id: flags.id }),
    ...(flags.alias === undefined ? {} : { alias: flags.alias }),
    ...(flags.slots === undefined ? {} : { slots: flags.slots }),
    ...(flags.contextTokens === undefined ? {} : { context_tokens: flags.contextTokens }),
    ...(flags.device === undefined ? {} : { device_id: flags.device }),
    ...(flags.engine === undefined ? {} : { engine: flags.engine }),
  };
}

function tellSuccess(deps: Pick<CommandDeps, "print" | "note">, { worker, phase }: ManagedWorker): void {
  const name = worker.model_id ?? worker.worker_id;
  if (phase === "ready")
    deps.print(oneLine(`${worker.worker_id} answers for ${name}${worker.url ? ` at ${worker.url}` : ""}`));
  else deps.print(oneLine(`${worker.worker_id} is ${phase}`));
  deps.note(`Next: hive chat ${oneLine(name)}`);
}

function tellFailure(
  deps: Pick<CommandDeps, "note">,
  code = "WORKER_FAILED",
  message = "The worker did not start",
  words = "",
): number {
  deps.note(`${code}: ${oneLine(message)}`);
  if (words !== "") deps.note(words);
  return EXIT.failed;
}

/** A failed worker's last lines, where the hive sends them along. */
function lastWords(details: unknown): string {
  if (typeof details === "string") return details.trim();
  if (typeof details !== "object" || details === null || !("output_tail" in details)) return "";
  return typeof details.output_tail === "string" ? details.output_tail.trim() : "";
}
