import { CREATED_S, json, type Kind, openai, QUEUE_MAX, type Reply } from "../kind.ts";

const fail = (status: number, message: string): Reply =>
  json(status, {
    error: { message, type: status < 500 ? "invalid_request_error" : "server_error", param: null, code: null },
  });

/** What every client relies on, and nothing that tells the kind. Constructed: the shape of OpenAI's own API. */
export const openaiCompatible: Kind = {
  ...{ slots: 4, queueMax: QUEUE_MAX },
  gate: ({ state }) => (state === "loading" ? fail(503, "The model is being loaded") : undefined),
  get: {
    "/v1/models": ({ models }) =>
      json(200, {
        object: "list",
        data: models.map((id) => ({ id, object: "model", created: CREATED_S, owned_by: "organization" })),
      }),
  },
  inference: openai("chat/completions", "completions", "embeddings"),
  locks: (path) => path.startsWith("/v1"),
  unauthorized: json(401, {
    error: {
      message: "Incorrect API key provided",
      type: "invalid_request_error",
      param: null,
      code: "invalid_api_key",
    },
  }),
  notFound: () => fail(404, "Not found"),
  overloaded: fail(429, "Too many requests"),
  unknownModel: (model) =>
    json(404, {
      error: {
        ...{ message: `The model \`${model}\` does not exist`, type: "invalid_request_error" },
        ...{ param: "model", code: "model_not_found" },
      },
    }),
  fail,
};
