import { Type } from "typebox";
import { HiveIdSchema, WorkerIdSchema } from "./ids.ts";
import { type Schema, shape } from "./schema.ts";

/** What the queen's log of events tells of. Open: a later version may know more. */
export const FLEET_EVENT_TYPES = [
  "queen.started",
  "queen.stalled",
  "fleet.frozen",
  "fleet.thawed",
  "hive.seen",
  "hive.back",
  "hive.restarted",
  "hive.suspect",
  "hive.silent",
  "hive.evicted",
  "hive.removed",
  "hive.flapping",
  "hive.clock",
  "worker.added",
  "worker.removed",
  "worker.state",
  "worker.failed",
  "worker.recovered",
  "operation.started",
  "operation.ended",
] as const;
export type FleetEventType = (typeof FLEET_EVENT_TYPES)[number];

/** How much somebody should care. */
export const EVENT_LEVELS = ["info", "warning", "error"] as const;
export type EventLevel = (typeof EVENT_LEVELS)[number];

/** One thing that happened, once and for all. In order by `id`, which counts up without gaps for one run of the queen. */
export interface FleetEvent {
  /** 1 for the first of this run. */
  readonly id: number;
  /** The queen's clock. */
  readonly at_ms: number;
  readonly type: FleetEventType;
  readonly level: EventLevel;
  /** For people: a whole sentence. */
  readonly message: string;
  readonly hive_id?: string;
  readonly worker_id?: string;
  readonly model?: string;
  readonly operation_id?: string;
  /** What programs may want beside it: `from`, `to`, `reason`, `silent_ms`, … */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

export const FleetEventSchema: Schema<FleetEvent> = shape<FleetEvent>()(
  Type.Object({
    id: Type.Integer({ minimum: 1, description: "Counts up without gaps for one run of the queen" }),
    at_ms: Type.Number(),
    type: Type.Enum([...FLEET_EVENT_TYPES]),
    level: Type.Enum([...EVENT_LEVELS]),
    message: Type.String({ description: "For people: a whole sentence" }),
    hive_id: Type.Optional(HiveIdSchema),
    worker_id: Type.Optional(WorkerIdSchema),
    model: Type.Optional(Type.String()),
    operation_id: Type.Optional(Type.String()),
    details: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]))),
  }),
);

/** Newest last. `run_id` tells one run of the queen from the next: ids begin anew with each. */
export interface EventList {
  readonly run_id: string;
  readonly events: readonly FleetEvent[];
  /** Events of this run that are no longer kept, before the first one of the log. */
  readonly forgotten: number;
}

export const EventListSchema: Schema<EventList> = shape<EventList>()(
  Type.Object({
    run_id: Type.String(),
    events: Type.Array(FleetEventSchema),
    forgotten: Type.Integer({ minimum: 0, description: "Events of this run that are no longer kept" }),
  }),
);

/** Largest number of events that one answer has. */
export const EVENTS_PAGE_MAX = 1_000;
export const EVENTS_PAGE_DEFAULT = 100;

export interface EventsQuery {
  /** Only events after this id. Without it the newest. */
  readonly after?: number;
  readonly limit?: number;
  /** A type, or its first word: `hive`, `worker`, `operation`. */
  readonly type?: string;
  readonly level?: EventLevel;
  readonly hive_id?: string;
  readonly worker_id?: string;
}

export const EventsQuerySchema: Schema<EventsQuery> = shape<EventsQuery>()(
  Type.Object({
    after: Type.Optional(Type.Integer({ minimum: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: EVENTS_PAGE_MAX, default: EVENTS_PAGE_DEFAULT })),
    type: Type.Optional(
      Type.String({
        maxLength: 64,
        pattern: "^[a-z]+(?:\\.[a-z]+)?$",
        description: "Or its first word: hive, worker …",
      }),
    ),
    level: Type.Optional(Type.Enum([...EVENT_LEVELS], { description: "This level and those above" })),
    hive_id: Type.Optional(HiveIdSchema),
    worker_id: Type.Optional(WorkerIdSchema),
  }),
);
