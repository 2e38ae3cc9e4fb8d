import type { DeviceInfo, HiveHeartbeatPayload, HiveLease, WorkerInfo } from "hive-registry";
import { Type } from "typebox";
import type { ErrorDetail } from "./errors.ts";
import { HiveIdSchema, ModelIdSchema, WorkerIdSchema } from "./ids.ts";
import { LabelsSchema } from "./labels.ts";
import { ID_LENGTH_MAX, PRINTABLE } from "./names.ts";
import { type Schema, shape } from "./schema.ts";
import { compile, invalid, type Validator } from "./validate.ts";

/** A heartbeat with more is refused: one machine does not run more inference servers than this. */
export const WORKERS_PER_HIVE_MAX = 1_024;
export const DEVICES_PER_HIVE_MAX = 256;
/** Numbers of devices are unique on a machine, not without gaps: parts of GPUs have their own hundreds. */
export const DEVICE_NUMBER_MAX = 4_096;
export const MODELS_PER_WORKER_MAX = 1_024;
/** Largest body that a heartbeat may have, bytes. */
export const HEARTBEAT_BYTES_MAX = 1_048_576;

const BYTES_MAX = 1e15;
const bytes = (description: string) => Type.Integer({ minimum: 0, maximum: BYTES_MAX, description });
const percent = (description: string) => Type.Number({ minimum: 0, maximum: 100, description });
const count = (description: string) => Type.Integer({ minimum: 0, maximum: 1_000_000, description });
const label = (description: string) =>
  Type.String({ minLength: 1, maxLength: ID_LENGTH_MAX, pattern: PRINTABLE, description });
const deviceNumber = (description: string) => Type.Integer({ minimum: 0, maximum: DEVICE_NUMBER_MAX, description });
const timestamp = (description: string) => Type.String({ maxLength: 64, description });
/** No user name in it: credentials have no place in what everybody may read. */
const httpUrl = (description: string) =>
  Type.String({ maxLength: 2_048, pattern: "^https?://[^\\s@/?#]+(?:[/?#]\\S*)?$", description });

const workerFields = {
  worker_id: WorkerIdSchema,
  state: Type.Union([Type.Literal("Idle"), Type.Literal("Busy"), Type.Literal("Loading")]),
  last_heartbeat: timestamp("RFC 3339: when the hive last heard from this worker"),
  health_status: Type.Union([Type.Literal("healthy"), Type.Literal("degraded")]),
  url: Type.Optional(httpUrl("Where clients reach it directly; a worker without one is never chosen")),
  model_id: Type.Optional(ModelIdSchema),
  models: Type.Optional(
    Type.Array(ModelIdSchema, { maxItems: MODELS_PER_WORKER_MAX, description: "All models it answers for" }),
  ),
  backend: Type.Optional(label("cuda, cpu, metal, rocm, vulkan …")),
  device_id: Type.Optional(deviceNumber("The number of its GPU")),
  vram_bytes: Type.Optional(bytes("VRAM it holds; absent when unknown")),
  ram_bytes: Type.Optional(bytes("RAM it holds; absent when unknown")),
  cpu_percent: Type.Optional(percent("Share of the whole machine's cores")),
  gpu_percent: Type.Optional(percent("Use of its GPU; absent counts as 100 when workers are compared")),
  slots_total: Type.Optional(count("Requests it can run at once")),
  slots_busy: Type.Optional(count("Requests it runs now")),
  queue_depth: Type.Optional(count("Requests that wait inside it")),
  kv_cache_percent: Type.Optional(percent("Use of its KV cache")),
  engine: Type.Optional(label("The inference server: llama-cpp, ollama, vllm …")),
  draining: Type.Optional(Type.Boolean({ description: "Takes nothing new" })),
  last_reservation: Type.Optional(label("The last reservation it admitted")),
  last_handover: Type.Optional(label("The last reservation whose client was sent to it, while that is recent")),
};

export const WorkerInfoSchema: Schema<WorkerInfo> = shape<WorkerInfo>()(
  Type.Object(workerFields, { description: "One inference server" }),
);

/** What a worker tells its hive: the seed's three fields, and whatever else it knows of itself. */
export type WorkerHeartbeat = Pick<WorkerInfo, "worker_id" | "health_status"> & {
  readonly timestamp: string;
} & Partial<Omit<WorkerInfo, "worker_id" | "health_status" | "last_heartbeat">>;

const { last_heartbeat: workerTimestamp, state: workerState, ...workerOwnFields } = workerFields;

export const WorkerHeartbeatSchema: Schema<WorkerHeartbeat> = Type.Unsafe<WorkerHeartbeat>(
  Type.Object({ ...workerOwnFields, timestamp: workerTimestamp, state: Type.Optional(workerState) }),
);

export const workerHeartbeatValidator: Validator<WorkerHeartbeat> = compile(WorkerHeartbeatSchema);

const orNull = <S extends ReturnType<typeof bytes> | ReturnType<typeof percent> | ReturnType<typeof label>>(
  schema: S,
) => Type.Union([schema, Type.Null()]);

export const DeviceInfoSchema: Schema<DeviceInfo> = shape<DeviceInfo>()(
  Type.Object(
    {
      id: label("Stable on its machine"),
      backend: label("cuda, metal, rocm, cpu …"),
      name: Type.String({ maxLength: 256 }),
      vram_total_bytes: orNull(bytes("Memory of the device")),
      vram_free_bytes: orNull(bytes("Free now, whoever uses the rest")),
      utilization_percent: orNull(percent("Busy share")),
      temperature_c: Type.Union([Type.Number({ minimum: -273, maximum: 1_000 }), Type.Null()]),
      power_w: Type.Union([Type.Number({ minimum: 0, maximum: 100_000 }), Type.Null()]),
      uuid: orNull(label("The driver's name for it")),
      driver: orNull(label("Driver version")),
      index: Type.Optional(deviceNumber("The number by which it is chosen on its machine: device_id of a worker")),
      memory: Type.Optional(
        Type.Literal("unified", { description: "Its memory is the machine's: free VRAM and free RAM are one amount" }),
      ),
    },
    { description: "A GPU or another accelerator; null is unknown" },
  ),
);

export const HeartbeatSchema: Schema<HiveHeartbeatPayload> = shape<HiveHeartbeatPayload>()(
  Type.Object(
    {
      hive_id: HiveIdSchema,
      timestamp: timestamp("RFC 3339, by the hive's clock"),
      workers: Type.Array(WorkerInfoSchema, { maxItems: WORKERS_PER_HIVE_MAX, description: "All of them, each time" }),
      boot_id: Type.Optional(label("A new one for each start of the hive")),
      seq: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "Counts up" })),
      hive_url: Type.Optional(httpUrl("Where the hive itself is reached")),
      version: Type.Optional(label("The hive's version")),
      interval_ms: Type.Optional(
        Type.Integer({ minimum: 100, maximum: 3_600_000, description: "Time until its next heartbeat" }),
      ),
      devices: Type.Optional(Type.Array(DeviceInfoSchema, { maxItems: DEVICES_PER_HIVE_MAX })),
      ram_total_bytes: Type.Optional(bytes("Memory of the machine")),
      ram_available_bytes: Type.Optional(bytes("Memory that new programs can have")),
      cpu_percent: Type.Optional(percent("Use of the machine's cores")),
      labels: Type.Optional(LabelsSchema),
      goodbye: Type.Optional(Type.Boolean({ description: "The hive stops: silent at once" })),
    },
    { description: "A hive's heartbeat. Fields beyond these are ignored." },
  ),
);

export const LeaseSchema: Schema<HiveLease> = shape<HiveLease>()(
  Type.Object(
    {
      hive_id: HiveIdSchema,
      boot_id: label("As in the last full heartbeat"),
      seq: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    },
    { description: "A heartbeat without `workers`: alive, nothing changed" },
  ),
);

/** `reason` stands where `accepted` is false; `error` says more where the payload itself was at fault. */
export interface HeartbeatReply {
  readonly accepted: boolean;
  /** When to beat next, ms from now. */
  readonly next_heartbeat_ms: number;
  /** `stale`: not newer than what is known. `unknown`: send the full list. `invalid`: `error` names the fault. */
  readonly reason?: "stale" | "unknown" | "invalid";
  readonly error?: { readonly code: string; readonly message: string; readonly details?: unknown };
}

export const HeartbeatReplySchema: Schema<HeartbeatReply> = shape<HeartbeatReply>()(
  Type.Object({
    accepted: Type.Boolean(),
    next_heartbeat_ms: Type.Integer({ minimum: 0 }),
    reason: Type.Optional(Type.Union([Type.Literal("stale"), Type.Literal("unknown"), Type.Literal("invalid")])),
    error: Type.Optional(
      Type.Object({ code: Type.String(), message: Type.String(), details: Type.Optional(Type.Unknown()) }),
    ),
  }),
);

const fields: Validator<HiveHeartbeatPayload> = compile(HeartbeatSchema);

/** Checks a heartbeat whole, also what a schema cannot say: no worker id twice. */
export const heartbeatValidator: Validator<HiveHeartbeatPayload> = {
  check: (value): value is HiveHeartbeatPayload => fields.check(value) && firstDuplicate(value.workers) === -1,
  errors(value) {
    if (!fields.check(value)) return fields.errors(value);
    const duplicate = firstDuplicate(value.workers);
    return duplicate === -1 ? [] : [duplicateDetail(duplicate)];
  },
  parse(value) {
    const payload = fields.parse(value);
    const duplicate = firstDuplicate(payload.workers);
    if (duplicate !== -1) throw invalid([duplicateDetail(duplicate)]);
    return payload;
  },
};

export const leaseValidator: Validator<HiveLease> = compile(LeaseSchema);

function firstDuplicate(workers: readonly WorkerInfo[]): number {
  // Up to here comparing each pair is cheaper than filling a set.
  if (workers.length <= 16) {
    for (let at = 1; at < workers.length; at++) {
      for (let before = 0; before < at; before++) {
        if (workers[at]?.worker_id === workers[before]?.worker_id) return at;
      }
    }
    return -1;
  }
  const seen = new Set<string>();
  for (let at = 0; at < workers.length; at++) {
    const id = (workers[at] as WorkerInfo).worker_id;
    if (seen.has(id)) return at;
    seen.add(id);
  }
  return -1;
}

const duplicateDetail = (at: number): ErrorDetail => ({
  path: `/workers/${at}/worker_id`,
  message: "must be unique within the heartbeat",
});
