import {
  ErrorReplySchema,
  PlaceWorkerSchema,
  type Schema,
  StopWorkerQuerySchema,
  shape,
  WorkerParamsSchema,
  type WorkerPlaced,
  WorkerPlacedSchema,
} from "@hive-registry/contract";
import { Type } from "typebox";
import type { Placements, StartedWorker } from "../placement/placements.ts";
import type { App } from "./typed-app.ts";

const tags = ["workers"];
const failures = { "4xx": ErrorReplySchema, "5xx": ErrorReplySchema };
const DoneSchema = Type.Null({ description: "Done" });
const DrainingSchema: Schema<{ readonly status: string }> = shape<{ readonly status: string }>()(
  Type.Object({ status: Type.String() }),
);

/** Start workers where there is room, and end them. */
export function placementRoutes(app: App, placements: Placements): void {
  app.post(
    "/api/v1/workers",
    {
      schema: {
        tags,
        summary: "Start a worker on the hive that has room; it is listed as Loading until it is ready",
        body: PlaceWorkerSchema,
        response: { 201: WorkerPlacedSchema, 202: WorkerPlacedSchema, ...failures },
      },
    },
    async (request, reply): Promise<WorkerPlaced> => {
      const started = await placements.start(request.body);
      if (request.body.wait === true) await placements.outcome(started);
      reply.code(request.body.wait === true ? 201 : 202);
      return placed(started);
    },
  );
  app.delete(
    "/api/v1/workers/:worker_id",
    {
      schema: {
        tags,
        summary: "End a worker that its hive started; with drain_ms, let it finish first",
        params: WorkerParamsSchema,
        querystring: StopWorkerQuerySchema,
        response: { 204: DoneSchema, ...failures },
      },
    },
    async (request, reply) => {
      await placements.stop(request.params.worker_id, request.query);
      reply.code(204);
      return null;
    },
  );
  app.post(
    "/api/v1/workers/:worker_id/drain",
    {
      schema: {
        tags,
        summary: "Give a worker nothing new, and end it when it has finished; answers at once",
        params: WorkerParamsSchema,
        querystring: StopWorkerQuerySchema,
        response: { 202: DrainingSchema, ...failures },
      },
    },
    async (request, reply) => {
      await placements.drain(request.params.worker_id, request.query);
      reply.code(202);
      return { status: "draining" };
    },
  );
}

const placed = ({ url: _url, model: _model, ...reply }: StartedWorker): WorkerPlaced => reply;
