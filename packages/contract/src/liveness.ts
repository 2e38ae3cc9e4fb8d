import { Type } from "typebox";
import { type Schema, shape } from "./schema.ts";

/** Ids that an eviction lists; it counts the others. */
export const EVICTED_LISTED_MAX = 1_000;

export interface ThawReply {
  /** False: nothing was frozen. */
  readonly thawed: boolean;
}

export const ThawReplySchema: Schema<ThawReply> = shape<ThawReply>()(
  Type.Object({ thawed: Type.Boolean({ description: "false: nothing was frozen" }) }),
);

export interface EvictReply {
  readonly evicted: number;
  readonly hive_ids: readonly string[];
}

export const EvictReplySchema: Schema<EvictReply> = shape<EvictReply>()(
  Type.Object({
    evicted: Type.Integer(),
    hive_ids: Type.Array(Type.String(), { maxItems: EVICTED_LISTED_MAX, description: "Longest silent first" }),
  }),
);
