import { ErrorReplySchema, HiveError, WatchQuerySchema } from "@hive-registry/contract";
import { Type } from "typebox";
import type { Queen } from "../core/queen.ts";
import type { App } from "./typed-app.ts";
import { FrameCache } from "./watch-frames.ts";
import { WatchStream } from "./watch-stream.ts";

/** Open watch streams; one more gets 429. Each costs a socket and a place in the log. */
const WATCHERS_MAX = 1_000;

/** `GET /api/v1/watch`. Returns what ends all streams. */
export function watchRoute(app: App, queen: Queen): () => void {
  const frames = new FrameCache();
  const streams = new Set<WatchStream>();
  const schema = {
    tags: ["routing"],
    summary: "Follow the fleet: a snapshot, then every change in order (server-sent events)",
    description:
      "Events: `snapshot` (RegistrySnapshot), `change` (RegistryEvent), `error`. Each has an id: send it as `last-event-id` to continue there.",
    querystring: WatchQuerySchema,
    response: {
      200: { description: "A stream of events", content: { "text/event-stream": { schema: Type.String() } } },
      "4xx": ErrorReplySchema,
    },
  };
  app.get("/api/v1/watch", { schema }, (request, reply) => {
    if (streams.size >= WATCHERS_MAX)
      throw new HiveError("TOO_MANY_REQUESTS", `${WATCHERS_MAX} watch streams are open already`);
    const lastEventId = request.headers["last-event-id"];
    reply.hijack();
    const stream = new WatchStream({ queen, clock: queen.clock, frames, response: reply.raw }, request.query);
    streams.add(stream);
    reply.raw.on("close", () => streams.delete(stream));
    stream.open(typeof lastEventId === "string" ? lastEventId : undefined);
  });
  return () => {
    for (const stream of streams) stream.end(new HiveError("SHUTTING_DOWN", "The queen stops"));
  };
}
