import {
  ErrorReplySchema,
  type FleetTelemetry,
  FleetTelemetrySchema,
  HiveParamsSchema,
  type HivesTelemetry,
  HivesTelemetryQuerySchema,
  HivesTelemetrySchema,
  type HiveTelemetry,
  HiveTelemetrySchema,
  TelemetryQuerySchema,
} from "@hive-registry/contract";
import type { Queen } from "../core/queen.ts";
import type { App } from "./typed-app.ts";

const tags = ["registry"];
const failures = { "4xx": ErrorReplySchema, "5xx": ErrorReplySchema };
const description =
  "A value a step, oldest first, null where nobody told; the last step is under way. Of an hour or less in steps of a minute or more, of a day in steps of half an hour or more.";

/** What hives, fleet and models were like over time. */
export function telemetryRoutes(app: App, { telemetry }: Pick<Queen, "telemetry">): void {
  const querystring = TelemetryQuerySchema;
  app.get(
    "/api/v1/telemetry/hives/:hive_id",
    {
      schema: {
        ...{ tags, summary: "One hive over time", description, querystring },
        params: HiveParamsSchema,
        response: { 200: HiveTelemetrySchema, ...failures },
      },
    },
    (request): HiveTelemetry => telemetry.hive(request.params.hive_id, request.query),
  );
  app.get(
    "/api/v1/telemetry/fleet",
    {
      schema: {
        ...{ tags, summary: "The fleet and its busiest models over time", description, querystring },
        response: { 200: FleetTelemetrySchema, ...failures },
      },
    },
    (request): FleetTelemetry => telemetry.fleet(request.query),
  );
  app.get(
    "/api/v1/telemetry/hives",
    {
      schema: {
        ...{ tags, summary: "A few values of many hives over time, for sparklines", description },
        querystring: HivesTelemetryQuerySchema,
        response: { 200: HivesTelemetrySchema, ...failures },
      },
    },
    (request): HivesTelemetry => telemetry.hives(request.query),
  );
}
