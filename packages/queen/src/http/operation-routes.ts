import {
  ErrorReplySchema,
  type HiveLogs,
  HiveLogsSchema,
  InstalledSchema,
  MachineAddSchema,
  MachineIdSchema,
  OperationListSchema,
  OperationSchema,
  type OperationStarted,
  OperationStartedSchema,
  type Schema,
  shape,
} from "@hive-registry/contract";
import { Type } from "typebox";
import type { Clock } from "../core/clock.ts";
import { OPERATIONS_MAX, type Operations } from "../core/operations.ts";
import type { Lifecycle } from "../machines/lifecycle.ts";
import { streamOperation } from "./operation-stream.ts";
import type { App } from "./typed-app.ts";

const OPERATIONS_LIMIT_DEFAULT = 100;
const TAIL_BYTES_DEFAULT = 65_536;
const TAIL_BYTES_MAX = 1_048_576;

interface OperationsQuery {
  readonly hive_id?: string;
  readonly limit?: number;
}
interface LogsQuery {
  readonly tail_bytes?: number;
}
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
const OperationsQuerySchema: Schema<OperationsQuery> = shape<OperationsQuery>()(
  Type.Object(
    {
      hive_id: Type.Optional(MachineIdSchema),
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: OPERATIONS_MAX,
          default: OPERATIONS_LIMIT_DEFAULT,
          description: "The newest",
        }),
      ),
    },
    { additionalProperties: false },
  ),
);
const LogsQuerySchema: Schema<LogsQuery> = shape<LogsQuery>()(
  Type.Object(
    {
      tail_bytes: Type.Optional(
        Type.Integer({ minimum: 1, maximum: TAIL_BYTES_MAX, default: TAIL_BYTES_DEFAULT, description: "At most" }),
      ),
    },
    { additionalProperties: false },
  ),
);
const tags = ["lifecycle"];
const failures = { "4xx": ErrorReplySchema, "5xx": ErrorReplySchema };

/** Start and stop hives; each answers at once with the operation that goes on. */
export function operationRoutes(
  app: App,
  deps: { readonly hives: Lifecycle; readonly operations: Operations; readonly clock: Clock },
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
  app.post(
    "/api/v1/catalog/hives/:id/add",
    {
      schema: {
        ...schema("Put a hive on a machine that is reached by SSH; the same again finishes what was broken off"),
        body: MachineAddSchema,
      },
    },
    (request, reply) => {
      reply.code(202);
      return hives.add(request.params.id, request.body);
    },
  );
  const verbs = [
    ["install", "Put the hive on its machine as the catalog says"],
    ["update", "Replace the hive by the queen's version; one that is not heard is replaced by the one before"],
    ["uninstall", "End the hive, remove what was installed, and take it out of the catalog"],
  ] as const;
  for (const [verb, summary] of verbs) {
    app.post(`/api/v1/catalog/hives/:id/${verb}`, { schema: schema(summary) }, (request, reply) => {
      reply.code(202);
      return hives[verb](request.params.id);
    });
  }
  app.get(
    "/api/v1/catalog/hives/:id/machine",
    {
      schema: {
        tags,
        summary: "The hive that is installed there, as its machine says",
        params: ParamsSchema,
        response: { 200: InstalledSchema, ...failures },
      },
    },
    (request) => hives.machine(request.params.id),
  );
  app.get(
    "/api/v1/catalog/hives/:id/logs",
    {
      schema: {
        tags,
        summary: "The end of a hive's log",
        params: ParamsSchema,
        querystring: LogsQuerySchema,
        response: { 200: HiveLogsSchema, ...failures },
      },
    },
    async ({ params, query }): Promise<HiveLogs> => ({
      text: await hives.logs(params.id, { tail_bytes: query.tail_bytes ?? TAIL_BYTES_DEFAULT }),
    }),
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
      if (request.headers.accept?.includes("text/event-stream")) streamOperation(reply, deps, operation_id);
      return operation;
    },
  );
  app.get(
    "/api/v1/operations",
    {
      schema: {
        tags,
        summary: "What goes on and what went on, newest first",
        querystring: OperationsQuerySchema,
        response: { 200: OperationListSchema, ...failures },
      },
    },
    ({ query }) => ({ operations: operations.list({ limit: OPERATIONS_LIMIT_DEFAULT, ...query }) }),
  );
  app.post(
    "/api/v1/operations/:operation_id/cancel",
    {
      schema: {
        tags,
        summary: "Give an operation up; what was done so far stays, and one that has ended is left as it is",
        params: OperationParamsSchema,
        response: { 202: OperationSchema, ...failures },
      },
    },
    (request, reply) => {
      reply.code(202);
      return operations.cancel(request.params.operation_id);
    },
  );
}
