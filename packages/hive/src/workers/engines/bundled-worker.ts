import { askFirst, askSeldom } from "./kept.ts";
import { isOwnedBy, listedModels, MODELS_PATH } from "./openai-models.ts";
import { countOf, fieldsOf, modelList, modelOf } from "./reading.ts";
import type { Answer, ServerEngine } from "./server-engine.ts";
import { broken, isRefusal, jsonIn, loading, locked, ready, troubleIn, unreadable } from "./standing.ts";

/** `packages/worker`, where somebody runs it by hand. Its `/health` is open and has its whole load. */
export const bundledWorker: ServerEngine = {
  name: "llama-cpp",

  async recognises(server) {
    if (isOwnedBy(await server.get(MODELS_PATH), "hive-worker")) return true;
    const health = await server.get("/health");
    const { status, model, slots_total, slots_idle, queue_depth } = fieldsOf(jsonIn(health));
    const counts = [slots_total, slots_idle, queue_depth].every((count) => typeof count === "number");
    return (status === "ok" && typeof model === "string" && counts) || failsAs(health, "loading", "draining");
  },

  async probe(server) {
    const health = await askFirst(server, "/health");
    if (health === undefined) return undefined;
    if (failsAs(health, "loading")) return loading();
    if (failsAs(health, "draining")) return broken("It stops, and takes no new work");
    const trouble = troubleIn("/health", health);
    if (trouble !== undefined) return trouble;
    const { status, slots_total, slots_busy, queue_depth } = fieldsOf(health.json());
    if (status !== "ok" || countOf(slots_total) === null) return unreadable("/health");
    const load = {
      slots_total: countOf(slots_total),
      slots_busy: countOf(slots_busy),
      queue_depth: countOf(queue_depth),
    };
    const models = await askSeldom(server, MODELS_PATH);
    if (isRefusal(models)) return locked(load);
    const listed = (listedModels(models) ?? []).map(({ id, meta }) => {
      const { n_ctx, size } = fieldsOf(meta);
      return modelOf(id, true, { context_tokens: n_ctx, size_bytes: size });
    });
    return ready({ ...load, models: modelList(listed) });
  },
};

/** Its failures have codes that are texts; llama-server's are the status. */
function failsAs(answer: Answer | undefined, ...codes: readonly string[]): boolean {
  if (answer?.status !== 503) return false;
  const { type, code } = fieldsOf(fieldsOf(answer.json()).error);
  return type === "unavailable_error" && typeof code === "string" && codes.includes(code);
}
