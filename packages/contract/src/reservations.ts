import type { HeldPlace, Outcome, Policy, ReserveRequest, WorkerInfo } from "hive-registry";
import { Type } from "typebox";
import { WorkerInfoSchema } from "./heartbeat.ts";
import { HiveIdSchema, ModelIdSchema, WorkerIdSchema } from "./ids.ts";
import { LabelsSchema } from "./labels.ts";
import { ID_LENGTH_MAX, PRINTABLE } from "./names.ts";
import { type Schema, shape } from "./schema.ts";

/** Longest that a request for a place may wait, ms. */
export const WAIT_MS_MAX = 600_000;
export const RESERVATION_TTL_MS_MAX = 3_600_000;
const EXCLUDE_MAX = 64;
const PREFIX_KEY_MAX = 65_536;

/** Asks for a place at a worker. */
export type ReserveBody = Omit<ReserveRequest, "handed_over"> & {
  /** How long to wait for one to come free; 0, the default, does not wait. */
  readonly wait_ms?: number;
};

const policies: readonly Policy[] = ["best", "least-load", "power-of-two", "round-robin", "session", "prefix"];
export const PolicySchema: Schema<Policy> = Type.Unsafe<Policy>(
  Type.Union(policies.map((policy) => Type.Literal(policy))),
);
export const BackendSchema: Schema<string> = Type.Unsafe<string>(
  Type.String({ minLength: 1, maxLength: ID_LENGTH_MAX, pattern: PRINTABLE }),
);
/** `WORKER` on any hive, or `HIVE/WORKER`. */
export const ExcludedSchema: Schema<string> = Type.Unsafe<string>(
  Type.String({
    minLength: 1,
    maxLength: 2 * ID_LENGTH_MAX + 1,
    pattern: PRINTABLE,
    description: "WORKER or HIVE/WORKER",
  }),
);
export const SessionSchema: Schema<string> = Type.Unsafe<string>(
  Type.String({ minLength: 1, maxLength: 512, description: "Requests of one session meet the same worker" }),
);

export const ReserveBodySchema: Schema<ReserveBody> = shape<ReserveBody>()(
  Type.Object(
    {
      model: ModelIdSchema,
      policy: Type.Optional(PolicySchema),
      backend: Type.Optional(BackendSchema),
      hive_id: Type.Optional(HiveIdSchema),
      labels: Type.Optional(LabelsSchema),
      exclude: Type.Optional(
        Type.Array(ExcludedSchema, {
          maxItems: EXCLUDE_MAX,
          description: "Workers that were tried already: ids, or HIVE/WORKER where ids are not unique",
        }),
      ),
      session: Type.Optional(SessionSchema),
      prefix_key: Type.Optional(
        Type.String({ maxLength: PREFIX_KEY_MAX, description: "The beginning of the prompt, for policy prefix" }),
      ),
      ttl_ms: Type.Optional(
        Type.Integer({ minimum: 1, maximum: RESERVATION_TTL_MS_MAX, description: "It ends by itself after so long" }),
      ),
      wait_ms: Type.Optional(
        Type.Integer({ minimum: 0, maximum: WAIT_MS_MAX, description: "How long to wait for one" }),
      ),
    },
    { additionalProperties: false },
  ),
);

/** A place that is held. */
export interface ReservationReply {
  readonly reservation_id: string;
  readonly hive_id: string;
  readonly worker: WorkerInfo;
  /** The name under which this worker knows the model that was asked for. */
  readonly model: string;
  readonly expires_at_ms: number;
}

export const ReservationReplySchema: Schema<ReservationReply> = shape<ReservationReply>()(
  Type.Object({
    reservation_id: Type.String(),
    hive_id: HiveIdSchema,
    worker: WorkerInfoSchema,
    model: Type.String({ description: "The name under which this worker knows the model" }),
    expires_at_ms: Type.Integer(),
  }),
);

/** Whose places are asked for. */
export interface HeldPlacesQuery {
  readonly hive_id: string;
  readonly worker_id: string;
}

export const HeldPlacesQuerySchema: Schema<HeldPlacesQuery> = shape<HeldPlacesQuery>()(
  Type.Object({ hive_id: HiveIdSchema, worker_id: WorkerIdSchema }),
);

export interface HeldPlaces {
  /** Oldest first. */
  readonly reservations: readonly HeldPlace[];
  readonly left_out: number;
}

export const HeldPlacesSchema: Schema<HeldPlaces> = Type.Unsafe<HeldPlaces>(
  Type.Object({
    reservations: Type.Array(
      Type.Object({
        reservation_id: Type.String(),
        created_at_ms: Type.Number(),
        expires_at_ms: Type.Number({ description: "Then it ends by itself" }),
        handed_over: Type.Boolean({ description: "It ends with its worker's first report of the request" }),
      }),
      { description: "Oldest first" },
    ),
    left_out: Type.Integer({ minimum: 0, description: "Those that are not listed" }),
  }),
);

export interface ReleaseQuery {
  readonly outcome?: Outcome;
}

export const ReleaseQuerySchema: Schema<ReleaseQuery> = shape<ReleaseQuery>()(
  Type.Object({
    outcome: Type.Optional(
      Type.Union([Type.Literal("ok"), Type.Literal("error"), Type.Literal("cancelled")], {
        description: "error puts the worker aside for a while; cancelled says nothing of it. Default ok",
      }),
    ),
  }),
);
