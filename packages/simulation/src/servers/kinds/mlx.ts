import { CHAT, CREATED_S, json, type Kind, openai, QUEUE_MAX, type Reply, text } from "../kind.ts";

/** Whatever goes wrong while it loads or generates is 404. */
const fail = (status: number, error: string): Reply => json(status === 500 ? 404 : status, { error });

/** Source: ml-explore/mlx-lm d78bf58e mlx_lm/server.py. Values are constructed. */
export const mlx: Kind = {
  headers: { server: "BaseHTTP/0.6 Python/3.12.4" },
  // --decode-concurrency.
  ...{ slots: 32, queueMax: QUEUE_MAX, onDemand: "swaps", sleeps: true },
  comment: ": keepalive 512/2048\n\n",
  get: {
    // Also before anything is loaded, and when nothing can be.
    "/health": () => json(200, { status: "ok" }),
    "/v1/models": ({ models }) =>
      json(200, { object: "list", data: models.map((id) => ({ id, object: "model", created: CREATED_S })) }),
  },
  inference: { ...openai("chat/completions", "completions"), "/chat/completions": CHAT },
  locks: () => false,
  unauthorized: { status: 401 },
  notFound: () => text(404, "Not Found"),
  overloaded: fail(503, "Too many requests wait"),
  fail,
};
