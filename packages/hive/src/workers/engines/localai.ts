import { askFirst, askSeldom } from "./kept.ts";
import { listedModels, MODELS_PATH } from "./openai-models.ts";
import { fieldsOf, isObject, labelOf, listOf, modelList, modelOf } from "./reading.ts";
import type { ServerEngine } from "./server-engine.ts";
import { isLoading, isOk, isRefusal, jsonIn, loading, locked, ready, troubleIn, unreadable } from "./standing.ts";

const SELF = "/.well-known/localai.json";

/** Loads what a request names, each model in a process of its own. Its metrics are times of its API: they tell no load. */
export const localAi: ServerEngine = {
  name: "localai",

  async recognises(server) {
    const self = fieldsOf(jsonIn(await server.get(SELF)));
    return typeof self.version === "string" && isObject(self.endpoints);
  },

  async probe(server) {
    const readiness = await askFirst(server, "/readyz");
    if (readiness === undefined) return undefined;
    const self = await askSeldom(server, SELF);
    const version = labelOf(fieldsOf(jsonIn(self)).version);
    if (isLoading(readiness)) return loading({ version, message: "It prepares the models that it starts with" });
    const trouble = troubleIn("/readyz", readiness, { version });
    if (trouble !== undefined) return trouble;
    const [library, system] = await Promise.all([askSeldom(server, MODELS_PATH), server.get("/system")]);
    if (isRefusal(library)) return locked({ version });
    const listed = listedModels(library);
    if (listed === undefined) return unreadable(MODELS_PATH, { version });
    const loaded = listOf(fieldsOf(jsonIn(system)).loaded_models).map((model) => modelOf(fieldsOf(model).id, true));
    return ready({
      ...{ version, models: modelList([...loaded, ...listed.map(({ id }) => modelOf(id, false))]) },
      // Where it has users, that is for its administrators.
      ...(!isOk(system) && { message: "It does not tell which of its models are in memory" }),
    });
  },
};
