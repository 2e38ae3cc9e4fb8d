import { ErrorReplySchema, HiveError, WatchQuerySchema } from "@hive-registry/contract";
import { Type } from "typebox";
import type { Queen } from "../core/queen.ts";
import { PacedStream } from "./paced-stream.ts";
import { HiveTexts } from "./paced-texts.ts";
import type { App } from "./typed-app.ts";
import { FrameCache } from "./watch-frames.ts";
import { WatchStream } from "./watch-stream.ts";

/** Open watch streams; one more gets 429. Each costs a socket and a place in the log. */
const WATCHERS_MAX = 1_000;

/** `GET /api/v1/watch`. Returns what ends all streams. */
export function watchRoute(app: App, queen: Queen): () => void {
  const frames = new FrameCache();
  const streams = new Set<WatchStream | PacedStream>();
  const texts = new HiveTexts(queen.registry);
  const schema = {
    tags: ["routing"],
    summary: "Follow the fleet: a snapshot, then every change in order (server-sent events)",
    description:
      "Events: `snapshot` (RegistrySnapshot), `change` (RegistryEvent), `error`. Each has an id: send it as `last-event-id` to continue there. " +
      "With `hives_per_second` there are no ids: hives come as changes after a small snapshot, and of each only the latest.",
    querystring: WatchQuerySchema,
    response: {
      200: { description: "A stream of events", content: { "text/event-stream": { schema: Type.String() } } },
      "4xx": ErrorReplySchema,
    },
  };
  app.get("/api/v1/watch", { schema }, (request, reply) => {
    if (streams.size >= WATCHERS_MAX)
      throw new HiveError("TOO_MANY_REQUESTS", `${WATCHERS_MAX} watch streams are open already`);
    const { hives_per_second: hivesPerSecond, ...part } = request.query;
    if (hivesPerSecond !== undefined && Object.keys(part).length > 0)
      throw new HiveError("INVALID_REQUEST", "hives_per_second is for the whole fleet: leave model and hive_id away");
    const lastEventId = request.headers["last-event-id"];
    reply.hijack();
    const { clock } = queen;
    const response = reply.raw;
    const stream =
      hivesPerSecond === undefined
        ? new WatchStream({ queen, clock, frames, response }, part)
        : new PacedStream({ queen, clock, texts, response }, { hivesPerSecond });
    streams.add(stream);
    response.on("close", () => {
      streams.delete(stream);
      // Nobody is left who would hear that one of them is not true any more.
      if (queen.hearers === 0) texts.clear();
    });
    if (stream instanceof WatchStream) stream.open(typeof lastEventId === "string" ? lastEventId : undefined);
    else stream.open();
  });
  return () => {
    for (const stream of streams) stream.end(new HiveError("SHUTTING_DOWN", "The queen stops"));
  };
}
