import type {
  HiveRuntimeState,
  HiveWorker,
  ModelSummary,
  RegistryStats,
  ResourceInfo,
  WorkerInfo,
} from "hive-registry";
import { Type } from "typebox";
import { type CatalogRecord, CatalogRecordSchema } from "./catalog.ts";
import { DeviceInfoSchema, WorkerInfoSchema } from "./heartbeat.ts";
import { HiveIdSchema, ModelIdSchema, WorkerIdSchema } from "./ids.ts";
import { LabelsSchema } from "./labels.ts";
import { type Schema, shape } from "./schema.ts";

/** Most entries that one page of a listing has. */
export const PAGE_MAX = 10_000;
export const PAGE_DEFAULT = 1_000;

const gb = (description: string) => Type.Number({ description: `${description}, GB (10⁹ bytes)` });

const hiveStateFields = {
  hive_id: HiveIdSchema,
  workers: Type.Array(WorkerInfoSchema),
  last_heartbeat_ms: Type.Number({ description: "The hive's own timestamp" }),
  vram_used_gb: gb("Sum over its workers"),
  ram_used_gb: gb("Sum over its workers"),
  worker_count: Type.Integer({ minimum: 0 }),
  received_at_ms: Type.Number({ description: "When the queen received it; ages count from here" }),
  status: Type.Union([Type.Literal("alive"), Type.Literal("suspect"), Type.Literal("silent")]),
  clock_skew_ms: Type.Optional(Type.Number({ description: "Hive's clock minus queen's" })),
  boot_id: Type.Optional(Type.String()),
  seq: Type.Optional(Type.Integer()),
  hive_url: Type.Optional(Type.String()),
  version: Type.Optional(Type.String()),
  interval_ms: Type.Optional(Type.Integer()),
  devices: Type.Optional(Type.Array(DeviceInfoSchema)),
  vram_total_gb: Type.Optional(gb("Sum over its devices")),
  vram_free_gb: Type.Optional(gb("Sum over its devices")),
  ram_total_gb: Type.Optional(gb("Memory of the machine")),
  ram_available_gb: Type.Optional(gb("Memory that new programs can have")),
  cpu_percent: Type.Optional(Type.Number()),
  labels: Type.Optional(LabelsSchema),
  flapping: Type.Optional(
    Type.Literal(true, { description: "Fell silent and came back too often lately: chosen last" }),
  ),
};

export const HiveRuntimeStateSchema: Schema<HiveRuntimeState> = shape<HiveRuntimeState>()(Type.Object(hiveStateFields));

export type HiveDetail = HiveRuntimeState & { readonly online: boolean; readonly catalog?: CatalogRecord };

export const HiveDetailSchema: Schema<HiveDetail> = Type.Unsafe<HiveDetail>(
  Type.Object({
    ...hiveStateFields,
    online: Type.Boolean({ description: "Heard within max_age_ms" }),
    catalog: Type.Optional(CatalogRecordSchema),
  }),
);

export interface HiveList {
  readonly hives: readonly HiveRuntimeState[];
  readonly next_cursor?: string;
}

export const HiveListSchema: Schema<HiveList> = shape<HiveList>()(
  Type.Object({ hives: Type.Array(HiveRuntimeStateSchema), next_cursor: Type.Optional(Type.String()) }),
);

export const ResourceInfoSchema: Schema<ResourceInfo> = shape<ResourceInfo>()(
  Type.Object({
    vram_used_gb: gb("Sum over its workers"),
    ram_used_gb: gb("Sum over its workers"),
    worker_count: Type.Integer({ minimum: 0 }),
    vram_total_gb: Type.Optional(gb("Sum over its devices")),
    vram_free_gb: Type.Optional(gb("Sum over its devices")),
    ram_total_gb: Type.Optional(gb("Memory of the machine")),
    ram_available_gb: Type.Optional(gb("Memory that new programs can have")),
    devices: Type.Optional(Type.Array(DeviceInfoSchema)),
  }),
);

export const HiveWorkerSchema: Schema<HiveWorker> = shape<HiveWorker>()(
  Type.Object({
    hive_id: HiveIdSchema,
    worker: WorkerInfoSchema,
    set_aside_until_ms: Type.Optional(Type.Number({ description: "It failed lately; when it may be tried again" })),
  }),
);

export interface WorkerList {
  readonly workers: readonly HiveWorker[];
  readonly next_cursor?: string;
}

export const WorkerListSchema: Schema<WorkerList> = shape<WorkerList>()(
  Type.Object({ workers: Type.Array(HiveWorkerSchema), next_cursor: Type.Optional(Type.String()) }),
);

export const HiveWorkersSchema: Schema<{ readonly workers: readonly WorkerInfo[] }> = shape<{
  readonly workers: readonly WorkerInfo[];
}>()(Type.Object({ workers: Type.Array(WorkerInfoSchema) }));

export const ModelListSchema: Schema<{ readonly models: readonly ModelSummary[] }> = shape<{
  readonly models: readonly ModelSummary[];
}>()(
  Type.Object({
    models: Type.Array(
      Type.Object({
        model: Type.String(),
        workers: Type.Integer(),
        idle_workers: Type.Integer(),
        hives: Type.Integer(),
        slots_free: Type.Integer(),
      }),
    ),
  }),
);

export type StatsReply = RegistryStats & {
  /** Requests that were given a worker: now, waiting for one, and since the start by how they ended. */
  readonly requests: {
    readonly in_flight: number;
    readonly queued: number;
    readonly completed_total: number;
    readonly failed_total: number;
  };
  readonly reservations: { readonly active: number };
  readonly heartbeats_per_second: number;
  readonly uptime_ms: number;
  readonly watchers: number;
};

const counts = Type.Record(Type.String(), Type.Integer());

export const StatsReplySchema: Schema<StatsReply> = Type.Unsafe<StatsReply>(
  Type.Object({
    revision: Type.Integer(),
    hives: Type.Object({
      total: Type.Integer(),
      alive: Type.Integer(),
      suspect: Type.Integer(),
      silent: Type.Integer(),
    }),
    workers: Type.Object({
      total: Type.Integer(),
      idle: Type.Integer(),
      busy: Type.Integer(),
      loading: Type.Integer(),
      set_aside: Type.Integer({ description: "Failed, and did not show since that they work" }),
      by_backend: counts,
      by_model: counts,
    }),
    vram_used_gb: gb("Sum over all workers"),
    ram_used_gb: gb("Sum over all workers"),
    liveness: Type.Object({
      frozen_until_ms: Type.Optional(
        Type.Number({ description: "Most hives fell silent together: nobody is evicted until then, at the latest" }),
      ),
      grace_until_ms: Type.Optional(
        Type.Number({ description: "The queen started or stood still: nobody counts as quiet before" }),
      ),
      held_back: Type.Integer({ description: "Hives that would be evicted by now but for the brakes" }),
    }),
    requests: Type.Object({
      in_flight: Type.Integer(),
      queued: Type.Integer({ description: "Waiting for a worker" }),
      completed_total: Type.Integer(),
      failed_total: Type.Integer(),
    }),
    reservations: Type.Object({ active: Type.Integer({ description: "Places that are held now" }) }),
    heartbeats_per_second: Type.Number({ description: "Mean over the last ten seconds" }),
    uptime_ms: Type.Number(),
    watchers: Type.Integer({ description: "Open watch streams" }),
  }),
);

const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT }));
const cursor = Type.Optional(Type.String({ maxLength: 1_024, description: "next_cursor of the page before" }));
const maxAge = Type.Optional(
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "Heard within so many ms" }),
);

export interface HivesQuery {
  readonly max_age_ms?: number;
  readonly limit?: number;
  readonly cursor?: string;
}
export const HivesQuerySchema: Schema<HivesQuery> = shape<HivesQuery>()(
  Type.Object({ max_age_ms: maxAge, limit, cursor }),
);

export interface HiveQuery {
  readonly max_age_ms?: number;
}
export const HiveQuerySchema: Schema<HiveQuery> = shape<HiveQuery>()(Type.Object({ max_age_ms: maxAge }));

export interface WorkersQuery {
  readonly state?: string;
  readonly model?: string;
  readonly backend?: string;
  readonly hive_id?: string;
  readonly limit?: number;
  readonly cursor?: string;
}
export const WorkersQuerySchema: Schema<WorkersQuery> = shape<WorkersQuery>()(
  Type.Object({
    state: Type.Optional(
      Type.String({
        pattern: "^(?:[Ii][Dd][Ll][Ee]|[Bb][Uu][Ss][Yy]|[Ll][Oo][Aa][Dd][Ii][Nn][Gg])$",
        description: "idle, busy or loading, in any case",
      }),
    ),
    model: Type.Optional(ModelIdSchema),
    backend: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    hive_id: Type.Optional(HiveIdSchema),
    limit,
    cursor,
  }),
);

export interface WatchQuery {
  readonly model?: string;
  readonly hive_id?: string;
  /**
   * For who draws: heartbeats of at most so many hives a second, of each the latest. Who is alive, and who is gone, is told at
   * once all the same. Revisions are the stream's own, and it begins with a snapshot each time.
   */
  readonly hives_per_second?: number;
}
/** A watcher that draws asks for no more than this. */
export const HIVES_PER_SECOND_MAX = 10_000;
export const WatchQuerySchema: Schema<WatchQuery> = shape<WatchQuery>()(
  Type.Object({
    model: Type.Optional(ModelIdSchema),
    hive_id: Type.Optional(HiveIdSchema),
    hives_per_second: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: HIVES_PER_SECOND_MAX,
        description: "For who draws: heartbeats of at most so many hives a second, of each the latest",
      }),
    ),
  }),
);

export const HiveParamsSchema: Schema<{ readonly hive_id: string }> = shape<{ readonly hive_id: string }>()(
  Type.Object({ hive_id: HiveIdSchema }),
);
export const WorkerParamsSchema: Schema<{ readonly worker_id: string }> = shape<{ readonly worker_id: string }>()(
  Type.Object({ worker_id: WorkerIdSchema }),
);

export interface ErrorReply {
  readonly error: { readonly code: string; readonly message: string; readonly details?: unknown };
}
export const ErrorReplySchema: Schema<ErrorReply> = shape<ErrorReply>()(
  Type.Object({
    error: Type.Object({ code: Type.String(), message: Type.String(), details: Type.Optional(Type.Unknown()) }),
  }),
);
