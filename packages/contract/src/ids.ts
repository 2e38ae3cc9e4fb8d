import { Type } from "typebox";
import { ID_LENGTH_MAX, MACHINE_ID_PATTERN, MODEL_LENGTH_MAX, PRINTABLE } from "./names.ts";
import type { Schema } from "./schema.ts";

export const HiveIdSchema: Schema<string> = Type.Unsafe<string>(
  Type.String({ minLength: 1, maxLength: ID_LENGTH_MAX, pattern: PRINTABLE, description: "Names one machine's hive" }),
);
export const WorkerIdSchema: Schema<string> = Type.Unsafe<string>(
  Type.String({ minLength: 1, maxLength: ID_LENGTH_MAX, pattern: PRINTABLE, description: "Unique within its hive" }),
);
export const ModelIdSchema: Schema<string> = Type.Unsafe<string>(
  Type.String({ minLength: 1, maxLength: MODEL_LENGTH_MAX, pattern: PRINTABLE }),
);

export const MachineIdSchema: Schema<string> = Type.Unsafe<string>(
  Type.String({ pattern: MACHINE_ID_PATTERN, description: "Letters, digits, dot, dash, underscore; at most 63" }),
);
