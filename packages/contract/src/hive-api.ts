import type { DeviceInfo, WorkerInfo } from "hive-registry";
import { Type } from "typebox";
import { DEVICE_NUMBER_MAX, DeviceInfoSchema, WorkerInfoSchema } from "./heartbeat.ts";
import { ModelIdSchema, WorkerIdSchema } from "./ids.ts";
import { MODEL_LENGTH_MAX, PRINTABLE } from "./names.ts";
import { type Schema, shape } from "./schema.ts";

/** The machine a hive runs on. */
export interface MachineInfo {
  readonly devices: readonly DeviceInfo[];
  readonly cpu: { readonly model: string; readonly cores: number; readonly percent: number | null };
  readonly ram_total_bytes: number;
  readonly ram_available_bytes: number;
  /** As Node spells them: linux, darwin, win32. */
  readonly os: string;
  readonly arch: string;
  /** Why some devices may be missing, in words; absent when detection went well. */
  readonly notes?: readonly string[];
}

export const MachineInfoSchema: Schema<MachineInfo> = shape<MachineInfo>()(
  Type.Object({
    devices: Type.Array(DeviceInfoSchema),
    cpu: Type.Object({
      model: Type.String(),
      cores: Type.Integer({ minimum: 1 }),
      percent: Type.Union([Type.Number({ minimum: 0, maximum: 100 }), Type.Null()]),
    }),
    ram_total_bytes: Type.Integer({ minimum: 0 }),
    ram_available_bytes: Type.Integer({ minimum: 0 }),
    os: Type.String(),
    arch: Type.String(),
    notes: Type.Optional(Type.Array(Type.String())),
  }),
);

/** Asks a hive to start a worker. */
export interface StartWorker {
  /** A path of a GGUF file on the hive's machine, or the name of one in its models folder. */
  readonly model: string;
  readonly worker_id?: string;
  /** Default: `llama-cpp`, the bundled one. */
  readonly engine?: string;
  /** The name clients ask for; default: the file's name without `.gguf`. */
  readonly alias?: string;
  readonly slots?: number;
  /** Context of one slot, tokens. */
  readonly context_tokens?: number;
  /** The `index` of one of its devices; absent lets the engine choose. */
  readonly device_id?: number;
  /** `false`: compute on the CPU, whatever devices there are. */
  readonly gpu?: boolean;
  /** Answer only when the worker is ready or has failed; otherwise at once. */
  readonly wait?: boolean;
  /** A queen starts it for a request, and ends it when nobody uses it: told back in {@link ManagedWorker.on_demand}. */
  readonly on_demand?: boolean;
}

export const StartWorkerSchema: Schema<StartWorker> = shape<StartWorker>()(
  Type.Object(
    {
      model: Type.String({ minLength: 1, maxLength: 4_096, pattern: PRINTABLE }),
      worker_id: Type.Optional(WorkerIdSchema),
      engine: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: "^[a-z0-9-]+$" })),
      alias: Type.Optional(Type.String({ minLength: 1, maxLength: MODEL_LENGTH_MAX, pattern: PRINTABLE })),
      slots: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
      context_tokens: Type.Optional(Type.Integer({ minimum: 64, maximum: 10_000_000 })),
      device_id: Type.Optional(Type.Integer({ minimum: 0, maximum: DEVICE_NUMBER_MAX })),
      gpu: Type.Optional(Type.Boolean({ description: "false: compute on the CPU, whatever devices there are" })),
      wait: Type.Optional(Type.Boolean()),
      on_demand: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
);

/** Where a supervised worker is in its life. `failed` ones are not restarted; `backoff` ones are, in `restart_in_ms`. */
export type WorkerPhase = "starting" | "ready" | "backoff" | "stopping" | "failed";

/** A model that a server knows, in memory or not. */
export interface KnownModel {
  readonly id: string;
  /** In memory now. */
  readonly loaded: boolean;
  readonly context_tokens?: number;
  /** Bytes of its weights. */
  readonly size_bytes?: number;
  readonly vram_bytes?: number;
}

/** A worker as its hive knows it. */
export interface ManagedWorker {
  readonly worker: WorkerInfo;
  /** Started by this hive (it restarts and stops it), or only found. */
  readonly managed: boolean;
  readonly phase: WorkerPhase;
  readonly pid?: number;
  readonly restarts: number;
  readonly restart_in_ms?: number;
  /** Why it failed or restarts: a code and the worker's last words. */
  readonly error?: { readonly code: string; readonly message: string };
  /** What keeps it from being used, or is worth knowing about it, in words for the operator. */
  readonly note?: string;
  /** All models of a server that was found, also those that a request would make it load. */
  readonly library?: readonly KnownModel[];
  /** A queen had it started for a request. */
  readonly on_demand?: boolean;
}

export const KnownModelSchema: Schema<KnownModel> = shape<KnownModel>()(
  Type.Object({
    id: ModelIdSchema,
    loaded: Type.Boolean(),
    context_tokens: Type.Optional(Type.Integer({ minimum: 0 })),
    size_bytes: Type.Optional(Type.Integer({ minimum: 0 })),
    vram_bytes: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
);

export const ManagedWorkerSchema: Schema<ManagedWorker> = shape<ManagedWorker>()(
  Type.Object({
    worker: WorkerInfoSchema,
    managed: Type.Boolean(),
    phase: Type.Union([
      Type.Literal("starting"),
      Type.Literal("ready"),
      Type.Literal("backoff"),
      Type.Literal("stopping"),
      Type.Literal("failed"),
    ]),
    pid: Type.Optional(Type.Integer({ minimum: 1 })),
    restarts: Type.Integer({ minimum: 0 }),
    restart_in_ms: Type.Optional(Type.Integer({ minimum: 0 })),
    error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
    note: Type.Optional(Type.String()),
    library: Type.Optional(Type.Array(KnownModelSchema)),
    on_demand: Type.Optional(Type.Boolean()),
  }),
);

export const ManagedWorkerListSchema: Schema<{ readonly workers: readonly ManagedWorker[] }> = shape<{
  readonly workers: readonly ManagedWorker[];
}>()(Type.Object({ workers: Type.Array(ManagedWorkerSchema) }));
