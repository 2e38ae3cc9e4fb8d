import { METRICS_CONTENT_TYPE } from "@hive-registry/command/metrics";
import {
  CatalogListSchema,
  CatalogPutSchema,
  CatalogRecordSchema,
  ChoiceListSchema,
  ChoicesQuerySchema,
  ErrorReplySchema,
  HeldPlacesQuerySchema,
  HeldPlacesSchema,
  HiveDetailSchema,
  HiveListSchema,
  HiveParamsSchema,
  HiveQuerySchema,
  HivesQuerySchema,
  HiveWorkerSchema,
  HiveWorkersSchema,
  MachineIdSchema,
  ModelListSchema,
  ReleaseQuerySchema,
  type ReservationReply,
  ReservationReplySchema,
  ReserveBodySchema,
  ResourceInfoSchema,
  RouteOrExplanationSchema,
  RouteQuerySchema,
  type Schema,
  StatsReplySchema,
  shape,
  WorkerListSchema,
  WorkerParamsSchema,
  WorkersQuerySchema,
} from "@hive-registry/contract";
import { Type } from "typebox";
import type { Queen } from "../core/queen.ts";
import type { App } from "./typed-app.ts";

const CatalogParamsSchema: Schema<{ readonly id: string }> = shape<{ readonly id: string }>()(
  Type.Object({ id: MachineIdSchema }),
);
const ReservationParamsSchema: Schema<{ readonly reservation_id: string }> = shape<{
  readonly reservation_id: string;
}>()(Type.Object({ reservation_id: Type.String({ minLength: 1, maxLength: 128 }) }));
const NothingSchema = Type.Null({ description: "Done" });
const failures = { "4xx": ErrorReplySchema, "5xx": ErrorReplySchema };

export function registryRoutes(app: App, queen: Queen): void {
  const tags = ["registry"];
  app.get(
    "/api/v1/hives",
    {
      schema: {
        tags,
        summary: "All hives, or those heard lately",
        querystring: HivesQuerySchema,
        response: { 200: HiveListSchema, ...failures },
      },
    },
    (request) => queen.hives(request.query),
  );
  app.get(
    "/api/v1/hives/:hive_id",
    {
      schema: {
        tags,
        summary: "One hive",
        params: HiveParamsSchema,
        querystring: HiveQuerySchema,
        response: { 200: HiveDetailSchema, ...failures },
      },
    },
    (request) => queen.hive(request.params.hive_id, request.query.max_age_ms),
  );
  app.delete(
    "/api/v1/hives/:hive_id",
    {
      schema: {
        tags,
        summary: "Forget a hive's runtime state",
        params: HiveParamsSchema,
        response: { 204: NothingSchema, ...failures },
      },
    },
    (request, reply) => {
      queen.removeHive(request.params.hive_id);
      reply.code(204);
      return null;
    },
  );
  app.get(
    "/api/v1/hives/:hive_id/workers",
    {
      schema: {
        tags,
        summary: "The workers of one hive",
        params: HiveParamsSchema,
        response: { 200: HiveWorkersSchema, ...failures },
      },
    },
    (request) => ({ workers: queen.hiveWorkers(request.params.hive_id) }),
  );
  app.get(
    "/api/v1/hives/:hive_id/resources",
    {
      schema: {
        tags,
        summary: "What one hive uses and has",
        params: HiveParamsSchema,
        response: { 200: ResourceInfoSchema, ...failures },
      },
    },
    (request) => queen.hiveResources(request.params.hive_id),
  );
  app.get(
    "/api/v1/workers",
    {
      schema: {
        tags,
        summary: "Workers, filtered",
        querystring: WorkersQuerySchema,
        response: { 200: WorkerListSchema, ...failures },
      },
    },
    (request) => queen.workers(request.query),
  );
  app.get(
    "/api/v1/workers/:worker_id",
    {
      schema: {
        tags,
        summary: "One worker; of several with that id the one heard last",
        params: WorkerParamsSchema,
        response: { 200: HiveWorkerSchema, ...failures },
      },
    },
    (request) => queen.worker(request.params.worker_id),
  );
  app.get(
    "/api/v1/models",
    { schema: { tags, summary: "Models and who serves them", response: { 200: ModelListSchema, ...failures } } },
    () => ({ models: queen.models() }),
  );
  app.get(
    "/api/v1/stats",
    { schema: { tags, summary: "The fleet in numbers", response: { 200: StatsReplySchema, ...failures } } },
    () => queen.stats(),
  );
}

export function routingRoutes(app: App, queen: Queen): void {
  app.get(
    "/api/v1/route",
    {
      schema: {
        tags: ["routing"],
        summary: "The best worker for a model now, or why it would be chosen; nothing is reserved",
        querystring: RouteQuerySchema,
        response: { 200: RouteOrExplanationSchema, ...failures },
      },
    },
    ({ query }) => (query.explain === true ? queen.explain(query) : queen.route(query.model)),
  );
  app.get(
    "/api/v1/choices",
    {
      schema: {
        tags: ["routing"],
        summary: "How workers were chosen lately, and why not the others",
        description:
          "Now and then a choice is explained in the moment in which it is made; the last of these are kept.",
        querystring: ChoicesQuerySchema,
        response: { 200: ChoiceListSchema, ...failures },
      },
    },
    ({ query }) => queen.recentChoices(query),
  );
  app.get(
    "/api/v1/reservations",
    {
      schema: {
        tags: ["routing"],
        summary: "The places that are held at a worker now",
        querystring: HeldPlacesQuerySchema,
        response: { 200: HeldPlacesSchema, ...failures },
      },
    },
    ({ query }) => queen.heldPlaces(query),
  );
  app.post(
    "/api/v1/reservations",
    {
      schema: {
        tags: ["routing"],
        summary: "Hold a place at the best worker, at once or within wait_ms",
        body: ReserveBodySchema,
        response: { 201: ReservationReplySchema, ...failures },
      },
    },
    async (request, reply): Promise<ReservationReply> => {
      const hangUp = new AbortController();
      reply.raw.once("close", () => hangUp.abort());
      const reservation = await queen.reserve(request.body, hangUp.signal);
      // Who left while the place was found will never give it back.
      if (hangUp.signal.aborted) queen.release(reservation.reservation_id, "cancelled");
      reply.code(201);
      return reservation;
    },
  );
  app.delete(
    "/api/v1/reservations/:reservation_id",
    {
      schema: {
        tags: ["routing"],
        summary: "Give a place back; harmless when it was given back already",
        params: ReservationParamsSchema,
        querystring: ReleaseQuerySchema,
        response: { 204: NothingSchema, ...failures },
      },
    },
    (request, reply) => {
      queen.release(request.params.reservation_id, request.query.outcome ?? "ok");
      reply.code(204);
      return null;
    },
  );
}

export function catalogRoutes(app: App, queen: Queen): void {
  const tags = ["catalog"];
  const path = "/api/v1/catalog/hives/:id";
  app.get(
    "/api/v1/catalog/hives",
    { schema: { tags, summary: "All cataloged hives", response: { 200: CatalogListSchema, ...failures } } },
    () => ({ hives: queen.catalogHives() }),
  );
  app.put(
    path,
    {
      schema: {
        tags,
        summary: "Put a hive into the catalog, or replace its configuration",
        params: CatalogParamsSchema,
        body: CatalogPutSchema,
        response: { 200: CatalogRecordSchema, ...failures },
      },
    },
    (request) => queen.putCatalogHive(request.params.id, request.body),
  );
  app.get(
    path,
    {
      schema: {
        tags,
        summary: "One cataloged hive",
        params: CatalogParamsSchema,
        response: { 200: CatalogRecordSchema, ...failures },
      },
    },
    (request) => queen.catalogHive(request.params.id),
  );
  app.delete(
    path,
    {
      schema: {
        tags,
        summary: "Take a hive out of the catalog",
        params: CatalogParamsSchema,
        response: { 204: NothingSchema, ...failures },
      },
    },
    (request, reply) => {
      queen.removeCatalogHive(request.params.id);
      reply.code(204);
      return null;
    },
  );
}

export function healthRoutes(app: App, queen: Queen, metrics: () => string): void {
  const tags = ["health"];
  const OkSchema: Schema<{ readonly status: string }> = shape<{ readonly status: string }>()(
    Type.Object({ status: Type.String() }),
  );
  app.get(
    "/healthz",
    { schema: { tags, summary: "The process lives", security: [], response: { 200: OkSchema } } },
    () => ({ status: "ok" }),
  );
  app.get(
    "/readyz",
    { schema: { tags, summary: "The fleet is known", response: { 200: OkSchema, ...failures } } },
    () => {
      queen.assertReady();
      return { status: "ready" };
    },
  );
  app.get(
    "/metrics",
    {
      schema: {
        tags,
        summary: "Metrics for Prometheus",
        response: { 200: { content: { "text/plain": { schema: Type.String() } } }, ...failures },
      },
      // The page is text; a failure is JSON here as everywhere.
      serializerCompiler: () => (page) => (typeof page === "string" ? page : JSON.stringify(page)),
    },
    (_request, reply) => {
      void reply.type(METRICS_CONTENT_TYPE).send(metrics());
    },
  );
}
