import { askFirst, askSeldom } from "./kept.ts";
import { isOpenAiList, listedModels, MODELS_PATH } from "./openai-models.ts";
import { type Fields, fieldsOf, modelList, modelOf } from "./reading.ts";
import type { ServerEngine } from "./server-engine.ts";
import { jsonIn, ready, troubleIn, unreadable } from "./standing.ts";

/**
 * `mlx_lm.server`. It loads what a request names, and lists every model of a cache on the disk; which one is in memory it
 * does not say. Nor does it tell its load, and its `/health` is good from the first moment.
 */
export const mlx: ServerEngine = {
  name: "mlx",

  async recognises(server) {
    const models = await server.get(MODELS_PATH);
    if (models?.header("server")?.startsWith("BaseHTTP/") !== true || !isOpenAiList(models)) return false;
    if (listedModels(models)?.some(({ owned_by }) => owned_by !== undefined) === true) return false;
    return fieldsOf(jsonIn(await server.get("/health"))).status === "ok";
  },

  async probe(server) {
    const health = await askFirst(server, "/health");
    if (health === undefined) return undefined;
    const trouble = troubleIn("/health", health);
    if (trouble !== undefined) return trouble;
    const listed = listedModels(await askSeldom(server, MODELS_PATH));
    if (listed === undefined) return unreadable(MODELS_PATH);
    const own = ownModel(listed);
    return ready({
      models: modelList(listed.map((item) => modelOf(item.id, item === own))),
      ...(own === undefined && listed.length > 0 && { message: "It does not tell which of its models is in memory" }),
    });
  },
};

/** The only one; or that of `--model PATH`, which comes last and is the only one with a path for a name. */
function ownModel(listed: readonly Fields[]): Fields | undefined {
  const last = listed.at(-1);
  const hasPath = typeof last?.id === "string" && last.id.startsWith("/");
  return listed.length === 1 || hasPath ? last : undefined;
}
