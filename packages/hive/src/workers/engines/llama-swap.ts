import { askFirst, askSeldom } from "./kept.ts";
import { listedModels, MODELS_PATH } from "./openai-models.ts";
import { fieldsOf, isObject, labelOf, listOf, modelList, modelOf } from "./reading.ts";
import type { Answer, ServerEngine } from "./server-engine.ts";
import { jsonIn, ready, troubleIn, unreadable } from "./standing.ts";

/** Starts and stops other servers behind one port, as requests name their models. What it counts is the machine, not its load. */
export const llamaSwap: ServerEngine = {
  name: "llama-swap",

  async recognises(server) {
    const running = await server.get("/running");
    return isRunning(running) || namesItself(running);
  },

  async probe(server) {
    const running = await askFirst(server, "/running");
    if (running === undefined) return undefined;
    const trouble = troubleIn("/running", running) ?? (isRunning(running) ? undefined : unreadable("/running"));
    if (trouble !== undefined) return trouble;
    const [library, version] = await Promise.all([askSeldom(server, MODELS_PATH), askSeldom(server, "/api/version")]);
    return ready({
      models: modelList([
        ...items(running).map(({ model, state }) => modelOf(model, state === "ready")),
        ...(listedModels(library) ?? []).map(({ id }) => modelOf(id, false)),
      ]),
      version: labelOf(fieldsOf(jsonIn(version)).version),
    });
  },
};

const items = (answer: Answer | undefined) => listOf(fieldsOf(jsonIn(answer)).running).map(fieldsOf);

/** Many servers could have such a path: the list must be one, and whatever is in it must be models with states. */
function isRunning(answer: Answer | undefined): boolean {
  const body = jsonIn(answer);
  return (
    isObject(body) &&
    Array.isArray(body.running) &&
    items(answer).every(({ model, state }) => typeof model === "string" && typeof state === "string")
  );
}

/** How it asks for its key. */
function namesItself(answer: Answer | undefined): boolean {
  return answer?.status === 401 && /realm="llama-swap"/i.test(answer.header("www-authenticate") ?? "");
}
