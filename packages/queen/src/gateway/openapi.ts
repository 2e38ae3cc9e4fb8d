import { INFERENCE_PATHS, type InferencePath } from "./paths.ts";

const error = { description: "OpenAI's shape; below /v1/messages Anthropic's" };
const header = (name: string, description: string) => ({
  ...{ name, in: "header", required: false, description, schema: { type: "string" } },
});
const REQUEST_HEADERS = [
  header("x-hive-session", "Requests of one session meet the same worker"),
  header("x-hive-policy", "best, least-load, power-of-two, round-robin, session or prefix"),
  header("x-hive-worker", "Only this worker: its id, or HIVE/WORKER"),
  header("x-hive-id", "Only workers of this hive"),
  header("x-hive-backend", "Only workers of this backend"),
  header("x-hive-labels", "Only workers on hives with these labels: gpu=a100,zone=eu"),
  header("x-hive-direct", "redirect: 307 to the worker itself. x-accel: for nginx before the queen"),
];
const REPLY_HEADERS = {
  "x-hive-worker": { description: "The worker that answers", schema: { type: "string" } },
  "x-hive-id": { description: "Its hive", schema: { type: "string" } },
  "x-hive-queue-ms": { description: "How long the request waited for a worker", schema: { type: "integer" } },
};

/** The gateway's paths in the queen's description: they are served before the framework that describes the others. */
export function gatewayPaths(): Record<string, object> {
  const tags = ["inference"];
  const models = {
    ...{ tags, summary: "The models that workers have now, and the aliases that stand for one" },
    responses: { 200: { description: "OpenAI's list of models" } },
  };
  const model = {
    ...{ tags, summary: "One model, by any name that means it" },
    parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
    responses: { 200: { description: "OpenAI's model" }, 404: error },
  };
  return {
    "/v1/models": { get: models },
    "/v1/models/{id}": { get: model },
    ...Object.fromEntries(INFERENCE_PATHS.map((one) => [one.path, { post: operationOf(one, tags) }])),
  };
}

function operationOf({ summary }: InferencePath, tags: readonly string[]): object {
  const stream = { schema: { type: "string" } };
  const body = { schema: { type: "object", required: ["model"], properties: { model: { type: "string" } } } };
  return {
    ...{ tags, summary: `${summary}, passed on to a worker of the model`, parameters: REQUEST_HEADERS },
    requestBody: { required: true, content: { "application/json": body } },
    responses: {
      200: {
        description: "What the worker answers, unchanged",
        headers: REPLY_HEADERS,
        content: { "application/json": { schema: { type: "object" } }, "text/event-stream": stream },
      },
      307: { description: "With x-hive-direct: redirect: the worker's own URL" },
      "4XX": error,
      "5XX": error,
    },
  };
}
