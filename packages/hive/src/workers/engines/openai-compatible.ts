import { askFirst } from "./kept.ts";
import { isOpenAiList, isOwnedBy, listedModels, MODELS_PATH } from "./openai-models.ts";
import { fieldsOf, isObject, modelList, modelOf } from "./reading.ts";
import type { Answer, ServerEngine } from "./server-engine.ts";
import { isRefusal, ready, troubleIn, unreadable } from "./standing.ts";

/**
 * Who own models and are no workers. A queen: requests would go in a circle. The fake workers of `hive simulate`, which belong
 * to hives of their own.
 */
const NO_WORKERS = ["hive", "hive-simulation"];

/** Whatever lists models as OpenAI's API does and is no other kind. It tells nothing of its load. */
export const openAiCompatible: ServerEngine = {
  name: "openai-compatible",

  async recognises(server) {
    const models = await server.get(MODELS_PATH);
    return (isOpenAiList(models) && !NO_WORKERS.some((owner) => isOwnedBy(models, owner))) || refusesAsOpenAi(models);
  },

  async probe(server) {
    const models = await askFirst(server, MODELS_PATH);
    if (models === undefined) return undefined;
    const listed = listedModels(models);
    if (listed === undefined) return troubleIn(MODELS_PATH, models) ?? unreadable(MODELS_PATH);
    return ready({ models: modelList(listed.map(({ id }) => modelOf(id, true))) });
  },
};

/** A 401 alone says nothing: half of all web servers give one. */
function refusesAsOpenAi(answer: Answer | undefined): boolean {
  if (!isRefusal(answer)) return false;
  const { error } = fieldsOf(answer?.json());
  return isObject(error) && typeof error.message === "string" && typeof error.type === "string";
}
