import type { Candidate, Explanation, HiveWorker, Policy, Reason, ReserveRequest } from "hive-registry";
import { Type } from "typebox";
import { WorkerInfoSchema } from "./heartbeat.ts";
import { HiveIdSchema, ModelIdSchema, WorkerIdSchema } from "./ids.ts";
import { LABELS_MAX, LabelTextSchema, labelsOf } from "./labels.ts";
import { BackendSchema, ExcludedSchema, PolicySchema, SessionSchema } from "./reservations.ts";
import { type Schema, shape } from "./schema.ts";

/** What a question may name as prefix key: a URL has less room than a body. */
const PREFIX_KEY_MAX = 2_048;

/** With `explain`, what a reservation may ask for too; without, the model is all that counts. */
export interface RouteQuery {
  readonly model: string;
  readonly explain?: boolean;
  readonly policy?: Policy;
  readonly backend?: string;
  readonly hive_id?: string;
  /** `zone=eu`; several times for several labels. */
  readonly label?: string | readonly string[];
  /** Worker ids, or `HIVE/WORKER`. */
  readonly exclude?: string | readonly string[];
  readonly session?: string;
  readonly prefix_key?: string;
}

const severalOf = (schema: Schema<string>, description: string) =>
  Type.Optional(Type.Union([schema, Type.Array(schema, { maxItems: LABELS_MAX })], { description }));
/** An answer that ignored a wish would look like one that met it. */
const onlyExplained = ["policy", "backend", "hive_id", "label", "exclude", "session", "prefix_key"];

export const RouteQuerySchema: Schema<RouteQuery> = shape<RouteQuery>()(
  Type.Object(
    {
      model: ModelIdSchema,
      explain: Type.Optional(
        Type.Boolean({ description: "Answer with all candidates, their scores and why they lost" }),
      ),
      policy: Type.Optional(PolicySchema),
      backend: Type.Optional(BackendSchema),
      hive_id: Type.Optional(HiveIdSchema),
      label: severalOf(LabelTextSchema, "Only hives with this label; may stand several times"),
      exclude: severalOf(ExcludedSchema, "Not this worker; may stand several times"),
      session: Type.Optional(SessionSchema),
      prefix_key: Type.Optional(Type.String({ maxLength: PREFIX_KEY_MAX })),
    },
    { dependentRequired: Object.fromEntries(onlyExplained.map((name) => [name, ["explain"]])) },
  ),
);

/** The question as a request for a place, to be explained and not to be met. */
export function explainedRequest({ explain: _, label, exclude, ...request }: RouteQuery): ReserveRequest {
  return {
    ...request,
    ...(label === undefined ? undefined : { labels: labelsOf([label].flat()) }),
    ...(exclude === undefined ? undefined : { exclude: [exclude].flat() }),
  };
}

/**
 * The best worker now. `model_loaded` is false when it is only the nearest thing: an idle worker without that model. `model`
 * stands there where the worker knows it under another name than was asked for.
 */
export type RouteReply = HiveWorker & { readonly model_loaded: boolean; readonly model?: string };

export const RouteReplySchema: Schema<RouteReply> = Type.Unsafe<RouteReply>(
  Type.Object({
    hive_id: HiveIdSchema,
    worker: WorkerInfoSchema,
    set_aside_until_ms: Type.Optional(Type.Number({ description: "It failed lately; when it may be tried again" })),
    model_loaded: Type.Boolean({ description: "false: no idle worker has it loaded; this one is only free" }),
    model: Type.Optional(Type.String({ description: "Its own name for the model, where it is another" })),
  }),
);

const reasons: readonly Reason[] = [
  ...(["no_url", "loading", "draining", "hive_silent", "hive_suspect", "other_hive", "other_backend"] as const),
  ...(["other_label", "excluded", "set_aside", "no_room", "outscored"] as const),
];

export const CandidateSchema: Schema<Candidate> = Type.Unsafe<Candidate>(
  Type.Object({
    hive_id: HiveIdSchema,
    worker_id: WorkerIdSchema,
    url: Type.Optional(Type.String()),
    model: Type.String({ description: "Its own name for the model" }),
    score: Type.Optional(Type.Number({ description: "By the policy; lower is better" })),
    load: Type.Optional(Type.Number({ description: "Share of its slots that is taken" })),
    requests: Type.Optional(Type.Integer({ description: "Requests that it has" })),
    slots: Type.Optional(Type.Integer({ description: "Requests that it can run at once" })),
    degraded: Type.Optional(Type.Boolean({ description: "After all healthy ones, whatever its score" })),
    reason: Type.Optional(
      Type.Union(
        reasons.map((reason) => Type.Literal(reason)),
        { description: "Why it was not chosen; absent for the one that would be" },
      ),
    ),
    set_aside_until_ms: Type.Optional(Type.Number({ description: "It failed lately; when it may be tried again" })),
  }),
);

export const ExplanationSchema: Schema<Explanation> = Type.Unsafe<Explanation>(
  Type.Object({
    policy: PolicySchema,
    model: Type.String({ description: "As it was asked for" }),
    resolved: Type.Array(Type.String(), { description: "The models that it means" }),
    chosen: Type.Optional(Type.Object({ hive_id: HiveIdSchema, worker_id: WorkerIdSchema, model: Type.String() })),
    candidates: Type.Array(CandidateSchema, { description: "Best first, those that cannot be chosen last" }),
    left_out: Type.Integer({ minimum: 0, description: "Workers of the model that are not listed" }),
  }),
);

/** With `explain=true` the explanation, else the best worker. */
export const RouteOrExplanationSchema: Schema<RouteReply | Explanation> = Type.Unsafe<RouteReply | Explanation>(
  Type.Union([RouteReplySchema, ExplanationSchema]),
);
