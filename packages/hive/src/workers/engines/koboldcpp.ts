import { askFirst, askSeldom } from "./kept.ts";
import { countOf, fieldsOf, labelOf, modelList, modelOf } from "./reading.ts";
import type { Answer, ServerEngine } from "./server-engine.ts";
import { isRefusal, jsonIn, locked, ready, troubleIn, unreadable } from "./standing.ts";

/** What it calls its model before somebody whose password it does not take. The status is 200 all the same. */
const CONCEALED = "koboldcpp/protected-model";
/** … and when it has none. */
const NO_MODEL = "inactive";

/** One model, one generation at a time; others wait in its queue. */
export const koboldCpp: ServerEngine = {
  name: "koboldcpp",

  async recognises(server) {
    return fieldsOf(jsonIn(await server.get("/api/extra/version"))).result === "KoboldCpp";
  },

  async probe(server) {
    const answer = await askFirst(server, "/api/v1/model");
    if (answer === undefined) return undefined;
    const model = fieldsOf(jsonIn(answer)).result;
    const [perf, version, context] = await Promise.all([
      server.get("/api/extra/perf"),
      askSeldom(server, "/api/extra/version"),
      askSeldom(server, "/api/extra/true_max_context_length"),
    ]);
    const known = { ...loadIn(perf), version: labelOf(fieldsOf(jsonIn(version)).version) };
    const trouble = troubleIn("/api/v1/model", answer, known);
    if (trouble !== undefined) return trouble;
    if (model === CONCEALED || isRefusal(perf)) return locked(known);
    if (typeof model !== "string") return unreadable("/api/v1/model", known);
    const context_tokens = fieldsOf(jsonIn(context)).value;
    return ready({ ...known, models: model === NO_MODEL ? [] : modelList([modelOf(model, true, { context_tokens })]) });
  },
};

function loadIn(answer: Answer | undefined): {
  readonly slots_total: number;
  readonly slots_busy: number | null;
  readonly queue_depth: number | null;
} {
  const { idle, queue } = fieldsOf(jsonIn(answer));
  const busy = idle === 0 || idle === 1 ? 1 - idle : null;
  return { slots_total: 1, slots_busy: busy, queue_depth: countOf(queue) };
}
