import {
  ErrorReplySchema,
  MachineIdSchema,
  OperationSchema,
  type OperationStarted,
  OperationStartedSchema,
  type Schema,
  shape,
} from "@hive-registry/contract";
import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import type { HiveOperations } from "../core/hive-operations.ts";
import type { Operations } from "../core/operations.ts";
import type { App } from "./typed-app.ts";
import { frame } from "./watch-frames.ts";

interface StartOptions {
  readonly port?: number;
}
/** The body is optional, so nothing at all is allowed too. */
const StartOptionsSchema: Schema<StartOptions | null> = Type.Unsafe<StartOptions | null>(
  Type.Union([
    Type.Object(
      { port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })) },
      { additionalProperties: false },
    ),
    Type.Null(),
  ]),
);
const ParamsSchema: Schema<{ readonly id: string }> = shape<{ readonly id: string }>()(
  Type.Object({ id: MachineIdSchema }),
);
const OperationParamsSchema: Schema<{ readonly operation_id: string }> = shape<{ readonly operation_id: string }>()(
  Type.Object({ operation_id: Type.String({ maxLength: 64 }) }),
);
const tags = ["lifecycle"];
const failures = { "4xx": ErrorReplySchema, "5xx": ErrorReplySchema };

/** Start and stop hives; each answers at once with the operation that goes on. */
export function operationRoutes(
  app: App,
  deps: { readonly hives: HiveOperations; readonly operations: Operations },
): void {
  const { hives, operations } = deps;
  const schema = (summary: string) => ({
    tags,
    summary,
    params: ParamsSchema,
    response: { 202: OperationStartedSchema, ...failures },
  });
  app.post(
    "/api/v1/catalog/hives/:id/start",
    { schema: { ...schema("Start a hive; its first heartbeat is the callback"), body: StartOptionsSchema } },
    async (request, reply): Promise<OperationStarted> => {
      reply.code(202);
      return hives.start(request.params.id, request.body ?? {});
    },
  );
  app.post("/api/v1/catalog/hives/:id/stop", { schema: schema("Stop a hive and its workers") }, (request, reply) => {
    reply.code(202);
    return hives.stop(request.params.id);
  });
  app.post(
    "/api/v1/catalog/hives/:id/restart",
    { schema: schema("Stop a hive and start it again") },
    (request, reply) => {
      reply.code(202);
      return hives.restart(request.params.id);
    },
  );
  app.get(
    "/api/v1/operations/:operation_id",
    {
      schema: {
        tags,
        summary: "How an operation is going; with `accept: text/event-stream`, each change until it has ended",
        params: OperationParamsSchema,
        response: { 200: OperationSchema, ...failures },
      },
    },
    (request, reply) => {
      const { operation_id } = request.params;
      const operation = operations.find(operation_id);
      if (request.headers.accept?.includes("text/event-stream")) streamOperation(reply, operations, operation_id);
      return operation;
    },
  );
}

/** Writes the operation as it is and after each change, and ends with it. */
function streamOperation(reply: FastifyReply, operations: Operations, operationId: string): void {
  const { raw } = reply.hijack();
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  });
  const leave = operations.follow(operationId, (operation) => {
    raw.write(frame("operation", undefined, JSON.stringify(operation)));
    if (operation.state !== "running") raw.end();
  });
  raw.on("close", leave);
}
