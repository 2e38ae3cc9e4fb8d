import type { Labels } from "hive-registry";
import { Type } from "typebox";
import type { Schema } from "./schema.ts";

/** Labels that one hive may have, its own and its operator's each. */
export const LABELS_MAX = 32;
const VALUE_LENGTH_MAX = 256;
const KEY = "[A-Za-z0-9][A-Za-z0-9._/-]{0,62}";
const VALUE = `[^\\p{C}]{0,${VALUE_LENGTH_MAX}}`;

export const LabelsSchema: Schema<Labels> = Type.Unsafe<Labels>(
  Type.Record(
    Type.String({ pattern: `^${KEY}$` }),
    Type.String({ maxLength: VALUE_LENGTH_MAX, pattern: `^${VALUE}$` }),
    { maxProperties: LABELS_MAX, additionalProperties: false },
  ),
);

/** One label as it stands in a URL: `zone=eu`. */
export const LabelTextSchema: Schema<string> = Type.Unsafe<string>(
  Type.String({ maxLength: VALUE_LENGTH_MAX + 64, pattern: `^${KEY}=${VALUE}$`, description: "KEY=VALUE" }),
);

/** `["zone=eu", "tier=spot"]` as labels; of a key that stands twice the last counts. */
export function labelsOf(texts: readonly string[]): Labels {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
