import { ErrorReplySchema, EvictReplySchema, ThawReplySchema } from "@hive-registry/contract";
import type { Queen } from "../core/queen.ts";
import type { App } from "./typed-app.ts";

const tags = ["hives"];
const failures = { "4xx": ErrorReplySchema, "5xx": ErrorReplySchema };

/** An operator knows better who is gone. */
export function livenessRoutes(app: App, queen: Queen): void {
  app.post(
    "/api/v1/liveness/thaw",
    {
      schema: {
        tags,
        summary: "Let silent hives be evicted again, where that is frozen because most fell silent together",
        response: { 200: ThawReplySchema, ...failures },
      },
    },
    () => queen.thaw(),
  );
  app.post(
    "/api/v1/liveness/evict",
    {
      schema: {
        tags,
        summary: "Forget every hive that is silent now, at once and without brakes",
        response: { 200: EvictReplySchema, ...failures },
      },
    },
    () => queen.evictSilent(),
  );
}
