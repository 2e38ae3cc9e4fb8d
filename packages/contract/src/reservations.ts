import type { Policy, ReserveRequest, WorkerInfo } from "hive-registry";
import { Type } from "typebox";
import { WorkerInfoSchema } from "./heartbeat.ts";
import { HiveIdSchema, ModelIdSchema, WorkerIdSchema } from "./ids.ts";
import { ID_LENGTH_MAX, PRINTABLE } from "./names.ts";
import { type Schema, shape } from "./schema.ts";

/** Longest that a request for a place may wait, ms. */
export const WAIT_MS_MAX = 600_000;
export const RESERVATION_TTL_MS_MAX = 3_600_000;
const EXCLUDE_MAX = 64;
const PREFIX_KEY_MAX = 65_536;

/** Asks for a place at a worker. */
export type ReserveBody = ReserveRequest & {
  /** How long to wait for one to come free; 0, the default, does not wait. */
  readonly wait_ms?: number;
};

const policies: readonly Policy[] = ["best", "least-load", "power-of-two", "round-robin", "session", "prefix"];

export const ReserveBodySchema: Schema<ReserveBody> = shape<ReserveBody>()(
  Type.Object(
    {
      model: ModelIdSchema,
      policy: Type.Optional(Type.Unsafe<Policy>(Type.Union(policies.map((policy) => Type.Literal(policy))))),
      backend: Type.Optional(Type.String({ minLength: 1, maxLength: ID_LENGTH_MAX, pattern: PRINTABLE })),
      hive_id: Type.Optional(HiveIdSchema),
      exclude: Type.Optional(
        Type.Array(WorkerIdSchema, { maxItems: EXCLUDE_MAX, description: "Workers that were tried already" }),
      ),
      session: Type.Optional(
        Type.String({ minLength: 1, maxLength: 512, description: "Requests of one session meet the same worker" }),
      ),
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
  readonly expires_at_ms: number;
}

export const ReservationReplySchema: Schema<ReservationReply> = shape<ReservationReply>()(
  Type.Object({
    reservation_id: Type.String(),
    hive_id: HiveIdSchema,
    worker: WorkerInfoSchema,
    expires_at_ms: Type.Integer(),
  }),
);
