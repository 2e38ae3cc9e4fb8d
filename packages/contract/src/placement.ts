import type { Labels } from "hive-registry";
import type { HiveLack, ModelMemory } from "hive-registry/placement";
import { Type } from "typebox";
import { DEVICE_NUMBER_MAX } from "./heartbeat.ts";
import { HiveIdSchema, ModelIdSchema, WorkerIdSchema } from "./ids.ts";
import { LabelsSchema } from "./labels.ts";
import { BackendSchema } from "./reservations.ts";
import { type Schema, shape } from "./schema.ts";

export type { HiveLack, ModelMemory } from "hive-registry/placement";

/** Models that one hive tells of its models folder. */
export const LIBRARY_MODELS_MAX = 1_000;
/** Hives that a refusal names. */
export const LACKS_MAX = 100;

const bytes = (description: string) => Type.Integer({ minimum: 0, maximum: 1e15, description });
const tokens = (description: string) => Type.Integer({ minimum: 0, maximum: 2 ** 40, description });

/** A model that a hive can start. */
export interface LibraryModel {
  /** The name that clients ask for. */
  readonly model: string;
  /** Its file, or the first part of it, within the models folder. */
  readonly file: string;
  readonly memory: ModelMemory;
}

/** The models of one hive, and whose they are: an address may lead to another hive than was meant. */
export interface LibraryReply {
  readonly hive_id: string;
  readonly models: readonly LibraryModel[];
}

const ModelMemorySchema: Schema<ModelMemory> = shape<ModelMemory>()(
  Type.Object({
    weights_bytes: bytes("All parts of its file"),
    context_tokens: Type.Optional(tokens("The longest context it was trained for")),
    kv_bytes_per_token: Type.Optional(bytes("Keys and values of one token; absent: the file does not tell")),
    window_tokens: Type.Optional(tokens("Some layers look only at so many tokens")),
    window_bytes_per_token: Type.Optional(bytes("What one token takes in these")),
    state_bytes: Type.Optional(bytes("What recurrent layers remember of one request")),
    compute_bytes: Type.Optional(bytes("To compute one batch")),
  }),
);

export const LibraryReplySchema: Schema<LibraryReply> = shape<LibraryReply>()(
  Type.Object({
    hive_id: HiveIdSchema,
    models: Type.Array(
      Type.Object({
        model: ModelIdSchema,
        file: Type.String({ minLength: 1, maxLength: 4_096, description: "Within the models folder" }),
        memory: ModelMemorySchema,
      }),
      { maxItems: LIBRARY_MODELS_MAX },
    ),
  }),
);

/** Asks the queen to start a worker where there is room. */
export interface PlaceWorker {
  /** A name out of the hives' libraries; with `hive_id` whatever that hive understands. */
  readonly model: string;
  /** Only this hive. */
  readonly hive_id?: string;
  /** Only devices of this kind; `cpu` is RAM. */
  readonly backend?: string;
  /** Only this device of a hive: its number there. */
  readonly device_id?: number;
  /** Only hives with these. */
  readonly labels?: Labels;
  readonly engine?: string;
  readonly slots?: number;
  /** Context of one slot, tokens. */
  readonly context_tokens?: number;
  /** What it needs, where the caller knows better than the estimate. */
  readonly memory_bytes?: number;
  /** Answer only when the worker is ready or has failed. */
  readonly wait?: boolean;
}

export const PlaceWorkerSchema: Schema<PlaceWorker> = shape<PlaceWorker>()(
  Type.Object(
    {
      model: ModelIdSchema,
      hive_id: Type.Optional(HiveIdSchema),
      backend: Type.Optional(BackendSchema),
      device_id: Type.Optional(
        Type.Integer({ minimum: 0, maximum: DEVICE_NUMBER_MAX, description: "Its number on its machine" }),
      ),
      labels: Type.Optional(LabelsSchema),
      engine: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: "^[a-z0-9-]+$" })),
      slots: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
      context_tokens: Type.Optional(Type.Integer({ minimum: 64, maximum: 10_000_000 })),
      memory_bytes: Type.Optional(bytes("What it needs; default: estimated from its file")),
      wait: Type.Optional(Type.Boolean({ description: "Answer only when it is ready or has failed" })),
    },
    { additionalProperties: false },
  ),
);

/** Where a worker is started. It is listed as Loading until it is ready. */
export interface WorkerPlaced {
  readonly hive_id: string;
  readonly worker_id: string;
  readonly device_id?: number;
  /** What was reserved for it; absent when its hive was named and nobody knows. */
  readonly memory_bytes?: number;
}

export const WorkerPlacedSchema: Schema<WorkerPlaced> = shape<WorkerPlaced>()(
  Type.Object({
    hive_id: HiveIdSchema,
    worker_id: WorkerIdSchema,
    device_id: Type.Optional(Type.Integer({ minimum: 0 })),
    memory_bytes: Type.Optional(bytes("Reserved for it")),
  }),
);

/** The details of `NO_CAPACITY`. */
export interface NoCapacityDetails {
  readonly memory_bytes: number;
  /** What each hive has, or why it was not asked; {@link LACKS_MAX} at most. */
  readonly hives: readonly HiveLack[];
  readonly left_out: number;
}

export interface StopWorkerQuery {
  /** Which hive's; needed only where several have a worker of that id. */
  readonly hive_id?: string;
  /** Let it finish what it has, for so long at most. */
  readonly drain_ms?: number;
}

export const StopWorkerQuerySchema: Schema<StopWorkerQuery> = shape<StopWorkerQuery>()(
  Type.Object({
    hive_id: Type.Optional(HiveIdSchema),
    drain_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000 })),
  }),
);
