import {
  ClientError,
  type HiveAgentClient,
  type HiveClient,
  type ManagedWorker,
  type PlaceWorker,
  type StartWorker,
} from "@hive-registry/client";
import type { CommandDeps, JsonFlag } from "../deps.ts";
import { EXIT } from "../failure.ts";
import { chosenHive, type HiveChoice, type HiveDeps } from "../fleet/local-hive.ts";
import type { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";

/** A hive is asked to answer when the model is loaded; below what Node's fetch itself allows (300 s). */
export const START_WAIT_MS = 280_000;

/** The queen places it nowhere, or cannot: this machine's hive may know more. */
const NOT_PLACED: ReadonlySet<string> = new Set([
  ...["QUEEN_UNREACHABLE", "MODEL_NOT_FOUND", "METHOD_NOT_ALLOWED", "ROUTE_NOT_FOUND"],
]);

/** Told as every command tells it. */
const NOT_ABOUT_THE_MODEL: ReadonlySet<string> = new Set([
  ...["HIVE_UNREACHABLE", "QUEEN_UNREACHABLE", "HIVE_NOT_FOUND", "UNAUTHENTICATED"],
]);

export interface StartDeps extends HiveDeps, Pick<CommandDeps, "print" | "note" | "progress"> {
  readonly client: Pick<HiveClient, "hive" | "placeWorker" | "hiveWorkers">;
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
  readonly backend?: string;
  readonly memoryGb?: number;
}

/**
 * `hive worker start MODEL`: a name goes where the queen finds room, a file here to this machine's hive, and either to the hive that
 * `--hive` names. Exits 0 when it answers, 1 with the code and words of who refused it when it does not.
 */
export async function startWorker(deps: StartDeps, model: string, flags: StartFlags): Promise<number> {
  const progress = deps.progress();
  progress.waiting(`loading ${oneLine(model)}`);
  try {
    if (goesToQueen(deps, model, flags)) {
      const exit = await place(deps, model, flags, progress);
      if (exit !== undefined) return exit;
    }
    const hive = await chosenHive(deps, flags);
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
    if (NOT_ABOUT_THE_MODEL.has(error.code)) throw error;
    return tellFailure(deps, error.code, error.message, lastWords(error.details));
  }
}

/** Ids and other names are given by a hive only; and only here it is known what a file of this machine is. */
function goesToQueen({ wholePath }: StartDeps, model: string, { hive, id, alias, device }: StartFlags): boolean {
  const isFile = wholePath(model) !== model || /^(?:[/\\.~]|[A-Za-z]:)/.test(model);
  return !isFile && [hive, id, alias, device].every((one) => one === undefined);
}

/** Undefined when the queen does not place it. */
async function place(
  { client, print, note }: StartDeps,
  model: string,
  flags: StartFlags,
  progress: Progress,
): Promise<number | undefined> {
  const placed = await client.placeWorker(placementOf(model, flags), { timeoutMs: START_WAIT_MS }).catch((error) => {
    if (error instanceof ClientError && NOT_PLACED.has(error.code)) return undefined;
    throw error;
  });
  if (placed === undefined) return undefined;
  const { hive_id, worker_id } = placed;
  const worker = (await client.hiveWorkers(hive_id)).find((one) => one.worker_id === worker_id);
  progress.end();
  if (flags.json) {
    print(JSON.stringify(placed));
    return EXIT.done;
  }
  const name = worker?.model_id ?? model;
  print(oneLine(`${worker_id} on ${hive_id} answers for ${name}${worker?.url ? ` at ${worker.url}` : ""}`));
  note(`Next: hive chat ${oneLine(name)}`);
  return EXIT.done;
}

function placementOf(model: string, flags: StartFlags): PlaceWorker {
  const { backend, memoryGb } = flags;
  return {
    ...{ model, wait: true },
    ...(backend === undefined ? {} : { backend }),
    ...(memoryGb === undefined ? {} : { memory_bytes: Math.round(memoryGb * 1e9) }),
    ...(flags.slots === undefined ? {} : { slots: flags.slots }),
    ...(flags.contextTokens === undefined ? {} : { context_tokens: flags.contextTokens }),
    ...(flags.engine === undefined ? {} : { engine: flags.engine }),
  };
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
