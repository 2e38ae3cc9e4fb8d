import { askFirst, Kept } from "./kept.ts";
import { listedModels } from "./openai-models.ts";
import { fieldsOf, isObject, listOf, modelList, modelOf, sumOf } from "./reading.ts";
import type { Answer, Probe, ServerEngine } from "./server-engine.ts";
import { isOk, isRefusal, jsonIn, ready, troubleIn, unreadable } from "./standing.ts";

/** Before 0.4.0. */
const OLD_LIST = "/api/v0/models";
const NEW_LIST = "/api/v1/models";
const STATES: readonly unknown[] = ["loaded", "not-loaded"];

/** Which of the two lists a server has. */
const lists = new Kept<typeof OLD_LIST>();

/** Lists all that was downloaded and loads what a request names. It tells nothing of its load. */
export const lmStudio: ServerEngine = {
  name: "lm-studio",

  async recognises(server) {
    const answer = await server.get(OLD_LIST);
    if (asksForItsToken(answer)) return true;
    const listed = listedModels(answer);
    if (listed === undefined || !listed.every(({ state }) => STATES.includes(state))) return false;
    // Without a single model its list tells nothing, but its newer one is like no other's.
    return listed.length > 0 || isNewList(await server.get(NEW_LIST));
  },

  async probe(server) {
    const path = lists.take(server, "list") ?? NEW_LIST;
    const answer = await askFirst(server, path);
    if (answer === undefined) return undefined;
    if (isNewList(answer)) return ready(newModels(answer));
    if (path === OLD_LIST) return probeOld(answer);
    const old = await server.get(OLD_LIST);
    if (old === undefined) return undefined;
    // What it does not know it answers with 404, or with 200 and an error.
    if (isOk(old)) lists.put(server, "list", OLD_LIST);
    return probeOld(old);
  },
};

function probeOld(answer: Answer): Probe {
  const listed = listedModels(answer);
  if (listed === undefined) return troubleIn(OLD_LIST, answer) ?? unreadable(OLD_LIST);
  const models = listed.map(({ id, state, loaded_context_length, max_context_length }) =>
    modelOf(id, state === "loaded", { context_tokens: loaded_context_length ?? max_context_length }),
  );
  return ready({ models: modelList(models) });
}

/** Only its words tell it from others that demand a key. */
function asksForItsToken(answer: Answer | undefined): boolean {
  return isRefusal(answer) && answer?.text.includes("LM Studio API token") === true;
}

function isNewList(answer: Answer | undefined): boolean {
  const body = jsonIn(answer);
  return isObject(body) && Array.isArray(body.models);
}

/** A model may be loaded several times, each time with slots and a name of its own. */
function newModels(answer: Answer): Pick<Probe, "models" | "slots_total"> {
  const models = listOf(fieldsOf(answer.json()).models).map((item) => {
    const { key, size_bytes, max_context_length, loaded_instances } = fieldsOf(item);
    const instances = listOf(loaded_instances).map(fieldsOf);
    const contexts = instances.map(({ config }) => fieldsOf(config).context_length);
    return {
      model: modelOf(key, instances.length > 0, {
        ...{ size_bytes, aliases: instances.map(({ id }) => id) },
        context_tokens: contexts[0] ?? max_context_length,
      }),
      slots: instances.map(({ config }) => fieldsOf(config).parallel),
    };
  });
  return {
    models: modelList(models.map(({ model }) => model)),
    slots_total: sumOf(models.flatMap(({ slots }) => slots)),
  };
}
