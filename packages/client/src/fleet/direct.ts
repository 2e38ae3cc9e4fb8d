import type { HiveRegistry, HiveWorker, Outcome, ReserveRequest } from "hive-registry";
import { onAbort } from "../abort.ts";
import { ClientError } from "../errors.ts";
import { type Fetch, replyError, unreachable } from "../transport.ts";
import { answerOf } from "./answer.ts";
import type { Place, Places, WaitOptions } from "./places.ts";
import { refusal } from "./refusals.ts";
import type { FleetRequest } from "./request.ts";
import { placeRequest } from "./wishes.ts";

/** So many workers get a request, each at most once, before it counts as failed. */
export const TRIES_MAX = 3;

/** The worker, or what stands before it, does not work now; another one may. */
const TRY_ANOTHER: ReadonlySet<number> = new Set([502, 503, 504]);
/** How long to listen to what a failing worker says of it, ms. */
const REASON_MS = 2_000;
/** Engines that tell their hive which reservation they admitted last. To others the header says nothing. */
const NAMES_RESERVATIONS: ReadonlySet<string> = new Set(["llama-cpp"]);

export interface DirectDeps {
  readonly places: Places;
  /** Tells which workers there are to try. */
  readonly registry: Pick<HiveRegistry, "resolveModels" | "hasWorkerByModel" | "getWorker" | "getWorkersOnHive">;
  readonly fetch: Fetch;
  readonly now: () => number;
  /** The key that a worker demands. */
  readonly tokenOf: (worker: HiveWorker) => string | undefined;
}

export interface DirectOptions {
  readonly waitMs: number;
  /** Longest wait for the first byte of an answer, ms. */
  readonly headMs: number;
}

/**
 * Sends a request to the worker that has the best place for it, and gives that worker's answer. A worker that fails before
 * its first byte is replaced by another, never by itself again. The place is given back when the answer is over, exactly once.
 *
 * @throws {ClientError} when there is no place; what workers fail with becomes the answer.
 */
export async function askWorkers(deps: DirectDeps, request: FleetRequest, options: DirectOptions): Promise<Response> {
  const { model, wishes, signal } = request;
  const wish = placeRequest(deps.registry, model, wishes);
  const hasOther = () => wishes.worker === undefined && isThereAnother(deps.registry, model, tried);
  const tried: Place[] = [];
  const endMs = deps.now() + options.waitMs;
  let failure: ClientError | undefined;
  while (failure === undefined || (tried.length < TRIES_MAX && hasOther())) {
    let place: Place;
    try {
      place = await placeFor(deps.places, wish, tried, () => ({ waitMs: Math.max(0, endMs - deps.now()), signal }));
    } catch (error) {
      if (failure !== undefined && error instanceof ClientError) break;
      throw error;
    }
    tried.push(place);
    const outcome = await ask(deps, request, place, options.headMs);
    if (outcome instanceof Response) return outcome;
    failure = outcome;
  }
  return refusal(failure, { final: true });
}

/** A place at a worker that was not tried yet. */
async function placeFor(
  places: Places,
  wish: ReserveRequest,
  tried: readonly Place[],
  left: () => WaitOptions,
): Promise<Place> {
  const place = await places.reserve(wish, left());
  if (!tried.some((other) => isSame(other, place))) return place;
  // Whoever failed is put aside, so this is rare. Not excluded from the beginning: ids are unique within a hive only, and
  // another hive's worker of the same id may be the one that saves the request.
  place.release("cancelled");
  const exclude = tried.map(({ worker }) => worker.worker_id);
  return await places.reserve({ ...wish, exclude }, left());
}

const isSame = (one: HiveWorker, other: HiveWorker): boolean =>
  one.worker.worker_id === other.worker.worker_id && one.hive_id === other.hive_id;

function isThereAnother(registry: DirectDeps["registry"], model: string, tried: readonly Place[]): boolean {
  const models = registry.resolveModels(model);
  return registry.hasWorkerByModel(models, (worker) => !tried.some((other) => isSame(other, worker)));
}

/** One try: the worker's answer once its first byte is there, or why there is none. */
async function ask(
  deps: DirectDeps,
  request: FleetRequest,
  place: Place,
  headMs: number,
): Promise<Response | ClientError> {
  const { signal } = request;
  const upstream = new AbortController();
  const stay = onAbort(signal, () => upstream.abort(signal?.reason));
  let timer = setTimeout(() => upstream.abort(), headMs);
  const end = (outcome: Outcome) => {
    clearTimeout(timer);
    stay();
    place.release(outcome);
  };

  const url = urlAt(place, request.path);
  const init = initFor(deps, request, place, upstream.signal);
  try {
    const response = await deps.fetch(url, init);
    const rest = response.body?.getReader();
    if (TRY_ANOTHER.has(response.status)) {
      clearTimeout(timer);
      timer = setTimeout(() => upstream.abort(), REASON_MS);
      const failure = replyError(response, await firstWords(rest), "worker");
      end("error");
      return failure;
    }
    const first = await rest?.read();
    clearTimeout(timer);
    // What a worker answers with 500 may be the request's fault as well as its own.
    const served = response.status < 500 ? "ok" : "cancelled";
    if (rest === undefined || first === undefined || first.done) {
      end(served);
      return answerOf(response, undefined, { place, signal, end });
    }
    const endServed: typeof end = (outcome) => end(outcome === "ok" ? served : outcome);
    return answerOf(response, { first: first.value, rest }, { place, signal, end: endServed });
  } catch (thrown) {
    if (signal?.aborted || !(thrown instanceof Error) || isMistake(url, init)) {
      end("cancelled");
      throw signal?.aborted ? signal.reason : thrown;
    }
    end("error");
    if (!upstream.signal.aborted) return unreachable("worker", url, thrown);
    return new ClientError("TIMEOUT", `${named(place)} did not answer within ${headMs} ms`, { server: "worker" });
  }
}

function initFor(deps: DirectDeps, request: FleetRequest, place: Place, signal: AbortSignal): RequestInit {
  const headers = new Headers(request.headers);
  const token = deps.tokenOf(place);
  if (token !== undefined && !headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
  if (NAMES_RESERVATIONS.has(place.worker.engine ?? "")) headers.set("x-hive-reservation", place.reservation_id);
  const body = request.payload.bodyFor(place.model);
  if (typeof body === "string" && !headers.has("content-type")) headers.set("content-type", "application/json");
  return { ...request.init, headers, signal, ...(body === undefined ? {} : { body }) };
}

/** A worker's URL may end in `/v1`, as OpenAI's base URLs do, or not. */
export const urlAt = ({ worker }: Pick<Place, "worker">, path: string): string =>
  `${(worker.url ?? "").replace(/\/+$/, "").replace(/\/v1$/, "")}${path}`;

/** What a reply begins with: an error is short. */
async function firstWords(body: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<string> {
  try {
    const first = await body?.read();
    body?.cancel().catch(() => undefined);
    return new TextDecoder().decode(first?.value);
  } catch {
    return "";
  }
}

/** The runtime refuses to send such a request, wherever it goes: no worker is to blame. */
function isMistake(url: string, init: RequestInit): boolean {
  try {
    new Request(url, { ...init, signal: null });
    return false;
  } catch {
    return true;
  }
}

const named = ({ hive_id, worker }: Place): string => `${worker.worker_id} on ${hive_id}`;
