import { ClientError, type HiveClient, type ModelSummary, type RouteReply } from "@hive-registry/client";
import { CommandError } from "../failure.ts";
import { oneLine } from "../output/text.ts";

/** While every worker of a model is busy, the queen is asked again after this, ms. */
export const BUSY_RETRY_MS = 1_000;
/** And while one is being started, after this, ms. */
const STARTING_RETRY_MS = 250;
/** So often; then the command gives up. */
export const BUSY_TRIES_MAX = 30;
const NAMES_SHOWN_MAX = 20;

export interface PickDeps {
  readonly client: Pick<HiveClient, "route" | "models" | "reserve" | "release">;
  note(line: string): void;
  /** Resolves after so many ms, or when `signal` aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** A worker that can be talked to. */
export interface Chosen extends RouteReply {
  readonly url: string;
}

/**
 * What the words after `hive chat` mean. One word alone is a model, unless the fleet has one model only and it reads like a
 * sentence. Without a model the fleet's only one is meant.
 */
export function modelAndPrompt(
  given: { readonly model: string | undefined; readonly prompt: string | undefined },
  models: readonly ModelSummary[],
): { readonly model: string; readonly prompt: string | undefined } {
  const only = models.length === 1 ? models[0]?.model : undefined;
  const { model, prompt } = given;
  if (model === undefined) {
    if (only !== undefined) return { model: only, prompt };
    throw new CommandError(models.length === 0 ? NO_MODELS : `Which model? ${namesOf(models)}`);
  }
  const isKnown = models.some((known) => known.model === model);
  if (!isKnown && prompt === undefined && only !== undefined && /\s/.test(model)) return { model: only, prompt: model };
  return { model, prompt };
}

const NO_MODELS =
  "No model is loaded anywhere yet. Start a worker first: `hive worker start MODEL.gguf`, or `hive up`.";

/**
 * The best worker with the model loaded; waits, within bounds, while all of them are busy, and as long as the queen says that one is
 * being started.
 */
export async function pickWorker(deps: PickDeps, model: string, signal: AbortSignal): Promise<Chosen> {
  let isStarting = false;
  for (let tries = 1; ; tries++) {
    const best = await routed(deps.client, model, signal);
    if (best?.model_loaded && best.worker.url !== undefined) return { ...best, url: best.worker.url };
    const place = await placeNow(deps.client, model, signal);
    if (place !== undefined && place !== "coming") return place;
    if (place === "coming") {
      if (!isStarting) deps.note(`Nobody has ${oneLine(model)} loaded: it is being started …`);
      isStarting = true;
      tries = 0;
      await deps.pause(STARTING_RETRY_MS, signal);
      signal.throwIfAborted();
      continue;
    }
    const models = await deps.client.models({ signal });
    if (!models.some((known) => known.model === model)) throw unknownModel(model, models);
    if (tries >= BUSY_TRIES_MAX) {
      throw new CommandError(`Every worker with ${model} is still busy. \`hive workers --model ${model}\` shows them.`);
    }
    if (tries === 1) deps.note(`Every worker with ${oneLine(model)} is busy; waiting for one …`);
    await deps.pause(BUSY_RETRY_MS, signal);
    signal.throwIfAborted();
  }
}

/** Asks the queen for a place without waiting: she has a model started that nobody has, and says so. The place is not held. */
async function placeNow(
  client: PickDeps["client"],
  model: string,
  signal: AbortSignal,
): Promise<Chosen | "coming" | undefined> {
  try {
    const { reservation_id, hive_id, worker, model: known } = await client.reserve({ model }, { signal });
    await client.release(reservation_id, "cancelled", { signal });
    const { url } = worker;
    const place = { hive_id, worker, model_loaded: true, ...(known === model ? {} : { model: known }) };
    return url === undefined ? undefined : { ...place, url };
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "NO_WORKER") throw error;
    const { details } = error;
    return typeof details === "object" && details !== null && "coming_within_ms" in details ? "coming" : undefined;
  }
}

async function routed(client: PickDeps["client"], model: string, signal: AbortSignal): Promise<RouteReply | undefined> {
  try {
    return await client.route(model, { signal });
  } catch (error) {
    if (error instanceof ClientError && error.code === "NO_WORKER") return undefined;
    throw error;
  }
}

function unknownModel(model: string, models: readonly ModelSummary[]): CommandError {
  if (models.length === 0) return new CommandError(`No worker has ${oneLine(model)} loaded. ${NO_MODELS}`);
  return new CommandError(`No worker has ${oneLine(model)} loaded. ${namesOf(models)}`);
}

function namesOf(models: readonly ModelSummary[]): string {
  const names = models.map((known) => oneLine(known.model)).toSorted();
  const more = names.length > NAMES_SHOWN_MAX ? ` … (${names.length} in all: \`hive models\`)` : "";
  return `There ${names.length === 1 ? "is" : "are"}: ${names.slice(0, NAMES_SHOWN_MAX).join(", ")}${more}`;
}
