import { Type } from "typebox";
import { HiveIdSchema } from "./ids.ts";
import { type Schema, shape } from "./schema.ts";

export type StepState = "running" | "succeeded" | "failed";
/** `interrupted`: the queen ended before it did. The same request again finishes the job. */
export type OperationState = StepState | "cancelled" | "interrupted";

export const OPERATION_KINDS = ["add", "install", "start", "stop", "restart", "update", "uninstall"] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/** Something that goes on after its caller got an answer: the start of a hive, say. */
export interface Operation {
  readonly operation_id: string;
  readonly kind: OperationKind;
  readonly hive_id: string;
  readonly state: OperationState;
  readonly started_at_ms: number;
  readonly ended_at_ms?: number;
  readonly steps: readonly {
    readonly name: string;
    readonly state: StepState;
    readonly started_at_ms: number;
    readonly ended_at_ms?: number;
    /** What came of it in a line, or the last words of what failed. */
    readonly output_tail: string;
  }[];
  readonly error?: { readonly code: string; readonly message: string };
}

const stepState = Type.Union([Type.Literal("running"), Type.Literal("succeeded"), Type.Literal("failed")]);
const timeMs = Type.Integer({ minimum: 0 });

export const OperationSchema: Schema<Operation> = shape<Operation>()(
  Type.Object({
    operation_id: Type.String(),
    kind: Type.Enum([...OPERATION_KINDS]),
    hive_id: HiveIdSchema,
    state: Type.Union([stepState, Type.Literal("cancelled"), Type.Literal("interrupted")]),
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

/** Newest first. */
export interface OperationList {
  readonly operations: readonly Operation[];
}

export const OperationListSchema: Schema<OperationList> = shape<OperationList>()(
  Type.Object({ operations: Type.Array(OperationSchema) }),
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
