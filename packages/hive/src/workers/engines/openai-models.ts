import { type Fields, fieldsOf, isObject, listOf } from "./reading.ts";
import type { Answer } from "./server-engine.ts";
import { jsonIn } from "./standing.ts";

/** Where every server that speaks OpenAI's API lists its models. */
export const MODELS_PATH = "/v1/models";

/** The items of a model list; `undefined` when the answer is none. */
export function listedModels(answer: Answer | undefined): readonly Fields[] | undefined {
  const { data } = fieldsOf(jsonIn(answer));
  return Array.isArray(data) ? data.filter(isObject) : undefined;
}

/** Whether it lists models of this owner; most servers name themselves there. */
export function isOwnedBy(answer: Answer | undefined, owner: string): boolean {
  return listedModels(answer)?.some(({ owned_by }) => owned_by === owner) === true;
}

/** Whether the answer is what OpenAI's own API would give, and nothing that only looks like it. */
export function isOpenAiList(answer: Answer | undefined): boolean {
  const { object, data } = fieldsOf(jsonIn(answer));
  if (object !== "list" || !Array.isArray(data)) return false;
  return listOf(data).every((item) => typeof fieldsOf(item).id === "string" && fieldsOf(item).object === "model");
}
