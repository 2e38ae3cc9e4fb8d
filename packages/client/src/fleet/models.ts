import type { HiveRegistry } from "hive-registry";
import { ClientError } from "../errors.ts";
import { refusal } from "./refusals.ts";

const PATH = /^\/v1\/models(?:\/([^?]+))?(?:\?.*)?$/;

/**
 * The models of the whole fleet as OpenAI lists them, from memory: no single worker knows them all.
 *
 * @returns undefined when the path asks for something else.
 */
export function modelsAnswer(registry: HiveRegistry, method: string, path: string): Response | undefined {
  const asked = PATH.exec(path);
  if (asked === null || method !== "GET") return undefined;
  const names = registry.models().map(({ model }) => model);
  if (asked[1] === undefined) return Response.json({ object: "list", data: names.map(modelObject) });
  const name = decodeURIComponent(asked[1]);
  if (registry.resolveModels(name).length > 0) return Response.json(modelObject(name));
  return refusal(new ClientError("MODEL_NOT_FOUND", `No worker has the model ${name}`, { status: 404 }));
}

const modelObject = (id: string): object => ({ id, object: "model", created: 0, owned_by: "hive" });
