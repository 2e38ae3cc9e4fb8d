import { type HiveRegistry, type Labels, POLICIES, type Policy, type ReserveRequest } from "hive-registry";
import { ClientError } from "../errors.ts";

/** What a request may wish of the worker that gets it, beside its model. */
export interface Wishes extends Omit<ReserveRequest, "model" | "exclude"> {
  /** Only this worker will do: `WORKER`, or `HIVE/WORKER`. */
  readonly worker?: string;
}

const PREFIX = "x-hive-";
const LABELS_MAX = 32;

/**
 * The wishes that stand in a request's headers, as the queen's gateway reads them; clients that can say nothing else say it so.
 * They are for who chooses and not for the worker: they are taken out.
 *
 * @throws {ClientError} `INVALID_REQUEST`
 */
export function takeWishes(headers: Headers): Wishes {
  const own = [...headers.keys()].filter((name) => name.startsWith(PREFIX));
  if (own.length === 0) return {};
  const said = new Map(own.map((name) => [name.slice(PREFIX.length), headers.get(name) as string]));
  for (const name of own) headers.delete(name);
  const [session, backend, hive_id, worker] = ["session", "backend", "id", "worker"].map((name) => said.get(name));
  const labels = labelsIn(said.get("labels"));
  const policy = policyIn(said.get("policy"));
  return {
    ...(policy === undefined ? {} : { policy }),
    ...(session === undefined ? {} : { session }),
    ...(backend === undefined ? {} : { backend }),
    ...(hive_id === undefined ? {} : { hive_id }),
    ...(labels === undefined ? {} : { labels }),
    ...(worker === undefined ? {} : { worker }),
  };
}

/**
 * The wishes as a request for a place at this model.
 *
 * @throws {ClientError} `WORKER_NOT_FOUND` when only one worker will do and it is not there.
 */
export function placeRequest(
  registry: Pick<HiveRegistry, "getWorker" | "getWorkersOnHive">,
  model: string,
  { worker, ...wishes }: Wishes,
): ReserveRequest {
  if (worker === undefined) return { ...wishes, model };
  const slash = worker.indexOf("/");
  const hive = registry.getWorker(worker)?.hive_id ?? worker.slice(0, Math.max(0, slash));
  const ids = registry.getWorkersOnHive(hive).map(({ worker_id }) => worker_id);
  const wanted = ids.includes(worker) ? worker : worker.slice(slash + 1);
  if (!ids.includes(wanted)) {
    throw new ClientError("WORKER_NOT_FOUND", `No worker ${JSON.stringify(worker)} is known`, { status: 404 });
  }
  return { ...wishes, model, hive_id: hive, exclude: ids.filter((id) => id !== wanted) };
}

function policyIn(text: string | undefined): Policy | undefined {
  const policy = POLICIES.find((one) => one === text);
  if (text === undefined || policy !== undefined) return policy;
  throw invalid(`x-hive-policy must be one of ${POLICIES.join(", ")}`);
}

/** `gpu=a100,zone=eu` */
function labelsIn(text: string | undefined): Labels | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(",").map((part) => part.trim());
  if (parts.length > LABELS_MAX || parts.some((part) => part.indexOf("=") < 1)) {
    throw invalid(`x-hive-labels must be up to ${LABELS_MAX} of NAME=VALUE`);
  }
  return Object.fromEntries(parts.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
}

export const invalid = (message: string): ClientError => new ClientError("INVALID_REQUEST", message, { status: 400 });
