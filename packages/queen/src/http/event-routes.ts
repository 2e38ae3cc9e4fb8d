import { ErrorReplySchema, EventListSchema, EventsQuerySchema, HiveError } from "@hive-registry/contract";
import type { Queen } from "../core/queen.ts";
import { EventStream } from "../events/event-stream.ts";
import type { App } from "./typed-app.ts";

/** Open event streams; one more gets 429. Each costs a socket and a place in the log. */
const FOLLOWERS_MAX = 200;

/** `GET /api/v1/events`. Returns what ends all streams. */
export function eventRoutes(app: App, { events, clock }: Pick<Queen, "events" | "clock">): () => void {
  const streams = new Set<EventStream>();
  const schema = {
    tags: ["registry"],
    summary: "What happened: hives, workers, operations, the queen herself",
    description: [
      "Newest last. With `accept: text/event-stream` they are followed: first the newest that fit (or those after `after`), then each as",
      "it happens, as events named `event` with ids; send the last id as `last-event-id` to go on there.",
    ].join(" "),
    querystring: EventsQuerySchema,
    response: { 200: EventListSchema, "4xx": ErrorReplySchema },
  };
  app.get("/api/v1/events", { schema }, (request, reply) => {
    if (request.headers.accept?.includes("text/event-stream") !== true) {
      reply.send(events.list(request.query));
      return;
    }
    if (streams.size >= FOLLOWERS_MAX) {
      throw new HiveError("TOO_MANY_REQUESTS", `${FOLLOWERS_MAX} event streams are open already`);
    }
    const lastEventId = request.headers["last-event-id"];
    reply.hijack();
    const response = reply.raw;
    const from = typeof lastEventId === "string" ? lastEventId : undefined;
    const stream = new EventStream({ log: events, clock, response }, request.query, from);
    streams.add(stream);
    response.on("close", () => streams.delete(stream));
    stream.open();
  });
  return () => {
    for (const stream of streams) stream.end(new HiveError("SHUTTING_DOWN", "The queen stops"));
  };
}
