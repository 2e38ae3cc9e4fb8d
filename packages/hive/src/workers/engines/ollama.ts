import { askFirst, askSeldom } from "./kept.ts";
import { fieldsOf, labelOf, listOf, modelList, modelOf } from "./reading.ts";
import type { Answer, ServedModel, ServerEngine } from "./server-engine.ts";
import { jsonIn, ready, textIn, troubleIn, unreadable } from "./standing.ts";

/**
 * Loads what a request names. `/api/ps` has what is in memory, `/api/tags` the library; neither loads anything. It tells
 * nothing of its load.
 */
export const ollama: ServerEngine = {
  name: "ollama",

  async recognises(server) {
    return textIn(await server.get("/")).trim() === "Ollama is running";
  },

  async probe(server) {
    const loaded = await askFirst(server, "/api/ps");
    if (loaded === undefined) return undefined;
    const trouble =
      troubleIn("/api/ps", loaded) ?? ("models" in fieldsOf(loaded.json()) ? undefined : unreadable("/api/ps"));
    if (trouble !== undefined) return trouble;
    const [library, version] = await Promise.all([askSeldom(server, "/api/tags"), askSeldom(server, "/api/version")]);
    return ready({
      models: modelList([...modelsIn(loaded, true), ...modelsIn(library, false)]),
      version: labelOf(fieldsOf(jsonIn(version)).version),
    });
  },
};

function modelsIn(answer: Answer | undefined, loaded: boolean): (ServedModel | undefined)[] {
  return listOf(fieldsOf(jsonIn(answer)).models).map((item) => {
    const model = fieldsOf(item);
    // It runs elsewhere, whatever this machine has.
    if (isText(model.remote_model) || isText(model.remote_host)) return undefined;
    const name = model.name ?? model.model;
    return modelOf(name, loaded, {
      aliases: withoutLatest(name),
      context_tokens: model.context_length,
      size_bytes: model.size,
      vram_bytes: model.size_vram,
    });
  });
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

/** `mistral` means `mistral:latest`. */
function withoutLatest(name: unknown): readonly string[] {
  return typeof name === "string" && name.endsWith(":latest") ? [name.slice(0, -":latest".length)] : [];
}
