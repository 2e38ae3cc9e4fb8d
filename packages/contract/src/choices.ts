import type { Explanation } from "hive-registry";
import { Type } from "typebox";
import { HiveIdSchema, ModelIdSchema, WorkerIdSchema } from "./ids.ts";
import { PolicySchema } from "./reservations.ts";
import { CandidateSchema } from "./routing.ts";
import { type Schema, shape } from "./schema.ts";

/** Choices that the queen remembers. */
export const CHOICES_KEPT_MAX = 256;
/** Workers that she looked at for each, and remembers. */
export const CHOICE_CANDIDATES_MAX = 32;
const CHOICES_DEFAULT = 50;

/** How a worker was chosen for a request, or why none was. */
export interface RecentChoice extends Omit<Explanation, "resolved"> {
  readonly at_ms: number;
}

export interface ChoiceList {
  /** Newest first. */
  readonly choices: readonly RecentChoice[];
  /** How often a worker was looked for since the start. Of those a few are remembered. */
  readonly choices_total: number;
}

export interface ChoicesQuery {
  /** As it was asked for. */
  readonly model?: string;
  /** With {@link worker_id}: only choices that looked at this worker, and of those nobody else but the chosen one. */
  readonly hive_id?: string;
  readonly worker_id?: string;
  readonly limit?: number;
}

export const ChoicesQuerySchema: Schema<ChoicesQuery> = shape<ChoicesQuery>()(
  Type.Object(
    {
      model: Type.Optional(ModelIdSchema),
      hive_id: Type.Optional(HiveIdSchema),
      worker_id: Type.Optional(WorkerIdSchema),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: CHOICES_KEPT_MAX, default: CHOICES_DEFAULT })),
    },
    { dependentRequired: { hive_id: ["worker_id"], worker_id: ["hive_id"] } },
  ),
);

export const ChoiceListSchema: Schema<ChoiceList> = Type.Unsafe<ChoiceList>(
  Type.Object({
    choices: Type.Array(
      Type.Object({
        at_ms: Type.Number(),
        policy: PolicySchema,
        model: Type.String({ description: "As it was asked for" }),
        chosen: Type.Optional(Type.Object({ hive_id: HiveIdSchema, worker_id: WorkerIdSchema, model: Type.String() })),
        candidates: Type.Array(CandidateSchema, { maxItems: CHOICE_CANDIDATES_MAX }),
        left_out: Type.Integer({ minimum: 0, description: "Workers of the model that are not listed" }),
      }),
      { description: "Newest first" },
    ),
    choices_total: Type.Integer({ minimum: 0, description: "Since the start; a few of them are remembered" }),
  }),
);
