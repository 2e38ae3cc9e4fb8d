import { HiveError } from "@hive-registry/contract";
import type { ModelAliases, ModelSummary } from "hive-registry";

/** What the listing asks of the registry. */
export interface ModelSource {
  models(): readonly ModelSummary[];
  resolveModels(name: string): readonly string[];
  nearModels(name: string): readonly string[];
}

/** Names of models that nobody may have loaded, and that a request would have started. */
export type StartableModels = () => Iterable<string>;

/** One entry of OpenAI's listing, with what clients of OpenAI pass over. */
export interface ListedModel {
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: "hive";
  /** Of an alias: the models that it stands for now. */
  readonly alias_of?: readonly string[];
  readonly workers: number;
  readonly idle_workers: number;
  /** Nobody has it loaded: the first request has it started. */
  readonly on_demand?: true;
}

/**
 * All models that workers have now, the aliases that stand for one of them, and those that a request would have started; from
 * memory, in the order of their names.
 */
export function listModels(
  source: ModelSource,
  options: { readonly aliases: ModelAliases; readonly createdS: number; readonly startable: StartableModels },
): ListedModel[] {
  const { createdS: created } = options;
  const known = new Map(source.models().map((one) => [one.model, one]));
  const entry = (id: string, models: readonly string[]): ListedModel => {
    const sum = (field: "workers" | "idle_workers") =>
      models.reduce((total, model) => total + (known.get(model)?.[field] ?? 0), 0);
    return {
      id,
      object: "model",
      created,
      owned_by: "hive",
      workers: sum("workers"),
      idle_workers: sum("idle_workers"),
    };
  };
  const listed = [...known.keys()].map((model) => entry(model, [model]));
  for (const alias of Object.keys(options.aliases)) {
    const alias_of = source.resolveModels(alias);
    if (!known.has(alias) && alias_of.length > 0) listed.push({ ...entry(alias, alias_of), alias_of });
  }
  const names = new Set(listed.map(({ id }) => id));
  for (const model of options.startable()) {
    if (!names.has(model)) listed.push({ ...entry(model, []), on_demand: true });
  }
  return listed.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** @throws {HiveError} `MODEL_NOT_FOUND`, naming near matches */
export function oneModel(
  source: ModelSource,
  id: string,
  options: { readonly createdS: number; readonly isStartable: (model: string) => boolean },
): Pick<ListedModel, "id" | "object" | "created" | "owned_by"> {
  if (source.resolveModels(id).length > 0 || options.isStartable(id))
    return { id, object: "model", created: options.createdS, owned_by: "hive" };
  const near = source.nearModels(id);
  const hint = near.length === 0 ? "GET /v1/models lists those there are" : `Near it: ${near.join(", ")}`;
  throw new HiveError("MODEL_NOT_FOUND", `No worker serves ${JSON.stringify(id)}. ${hint}`);
}
