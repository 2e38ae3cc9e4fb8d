import { Type } from "typebox";
import { HiveIdSchema } from "./ids.ts";
import { type Schema, shape } from "./schema.ts";

export type StepState = "running" | "succeeded" | "failed";

/** Something that goes on after its caller got an answer: the start of a hive, say. */
export interface Operation {
  readonly operation_id: string;
  readonly kind: "start" | "stop" | "restart";
  readonly hive_id: string;
  readonly state: StepState;
  readonly started_at_ms: number;
  readonly ended_at_ms?: number;
  readonly steps: readonly {
    readonly name: string;
    readonly state: StepState;
    readonly started_at_ms: number;
    readonly ended_at_ms?: number;
    readonly output_tail: string;
  }[];
  readonly error?: { readonly code: string; readonly message: string };
}

const stepState = Type.Union([Type.Literal("running"), Type.Literal("succeeded"), Type.Literal("failed")]);
const timeMs = Type.Integer({ minimum: 0 });

export const OperationSchema: Schema<Operation> = shape<Operation>()(
  Type.Object({
    operation_id: Type.String(),
    kind: Type.Union([Type.Literal("start"), Type.Literal("stop"), Type.Literal("restart")]),
    hive_id: HiveIdSchema,
    state: stepState,
    started_at_ms: timeMs,
    ended_at_ms: Type.Optional(timeMs),
    steps: Type.Array(
      Type.Object({
        name: Type.String(),
        state: stepState,
        started_at_ms: timeMs,
        ended_at_ms: Type.Optional(timeMs),
        output_tail: Type.String(),
      }),
    ),
    error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
  }),
);

/** The answer to a request that goes on without its caller. */
export interface OperationStarted {
  readonly operation_id: string;
  readonly hive_id: string;
  readonly hive_url: string;
  readonly port: number;
}

export const OperationStartedSchema: Schema<OperationStarted> = shape<OperationStarted>()(
  Type.Object({ operation_id: Type.String(), hive_id: HiveIdSchema, hive_url: Type.String(), port: Type.Integer() }),
);
