import type { HiveRegistry, ModelAliases } from "hive-registry";
import { ClientError } from "../errors.ts";
import { refusal } from "./refusals.ts";

const PATH = /^\/v1\/models(?:\/([^?]+))?(?:\?.*)?$/;

/**
 * The models of the whole fleet as OpenAI lists them, and the aliases that stand for one of them, in the order of their
 * names; from memory, for no single worker knows them all.
 *
 * @returns undefined when something else is asked for.
 */
export function modelsAnswer(
  deps: { readonly registry: HiveRegistry; readonly aliases: ModelAliases },
  method: string,
  path: string,
): Response | undefined {
  const { registry, aliases } = deps;
  const asked = PATH.exec(path);
  if (asked === null || method !== "GET") return undefined;
  if (asked[1] === undefined) {
    const others = Object.keys(aliases).filter((alias) => registry.resolveModels(alias).length > 0);
    const names = new Set([...registry.models().map(({ model }) => model), ...others]);
    return Response.json({ object: "list", data: [...names].sort().map(modelObject) });
  }
  const name = decoded(asked[1]);
  if (registry.resolveModels(name).length > 0) return Response.json(modelObject(name));
  const near = registry.nearModels(name);
  const hint = near.length === 0 ? "GET /v1/models lists those there are" : `Near it: ${near.join(", ")}`;
  return refusal(new ClientError("MODEL_NOT_FOUND", `No worker has ${name}. ${hint}`, { status: 404 }));
}

const modelObject = (id: string): object => ({ id, object: "model", created: 0, owned_by: "hive" });

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
