import type { DeviceInfo, Labels } from "hive-registry";
import { Type } from "typebox";
import { DEVICES_PER_HIVE_MAX, DeviceInfoSchema } from "./heartbeat.ts";
import { MachineIdSchema } from "./ids.ts";
import { LabelsSchema } from "./labels.ts";
import { type Schema, shape } from "./schema.ts";

/** `unknown`: never heard since it was put into the catalog. */
export type CatalogStatus = "unknown" | "online" | "offline";

/** How to reach the machine by SSH. Never a password, never a key: only where the key lies. */
export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identity_file?: string;
}

/** Configuration of one hive: what survives restarts. */
export interface CatalogRecord {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly ssh?: SshTarget;
  readonly devices?: readonly DeviceInfo[];
  readonly status: CatalogStatus;
  readonly last_heartbeat_ms?: number;
  readonly labels?: Labels;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
}

/** What a caller may set; the rest is kept by the queen. */
export interface CatalogPut {
  readonly host: string;
  readonly port?: number;
  readonly ssh?: {
    readonly host: string;
    readonly port?: number;
    readonly user: string;
    readonly identity_file?: string;
  };
  readonly labels?: Labels;
}

const host = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: "^[A-Za-z0-9_:[][A-Za-z0-9_.:[\\]%-]*$",
  description: "Name or address",
});
const port = Type.Integer({ minimum: 1, maximum: 65_535 });
const user = Type.String({ minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9_][A-Za-z0-9._@-]*\\$?$" });
const identityFile = Type.String({
  minLength: 1,
  maxLength: 1_024,
  pattern: "^[^\\p{C}]+$",
  description: "Path of the private key on the queen's machine",
});
const timeMs = (description: string) => Type.Integer({ minimum: 0, description });

export const CatalogRecordSchema: Schema<CatalogRecord> = shape<CatalogRecord>()(
  Type.Object({
    id: MachineIdSchema,
    host,
    port,
    ssh: Type.Optional(Type.Object({ host, port, user, identity_file: Type.Optional(identityFile) })),
    devices: Type.Optional(Type.Array(DeviceInfoSchema, { maxItems: DEVICES_PER_HIVE_MAX })),
    status: Type.Union([Type.Literal("unknown"), Type.Literal("online"), Type.Literal("offline")]),
    last_heartbeat_ms: Type.Optional(timeMs("When the queen last heard of it")),
    labels: Type.Optional(LabelsSchema),
    created_at_ms: timeMs("When it was put first"),
    updated_at_ms: timeMs("When its configuration was changed last"),
  }),
);

/** Unknown fields are refused here: a mistyped option, or a password, must not be taken silently. */
export const CatalogPutSchema: Schema<CatalogPut> = shape<CatalogPut>()(
  Type.Object(
    {
      host,
      port: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 65_535, default: 7835, description: "The hive's own port" }),
      ),
      ssh: Type.Optional(
        Type.Object(
          { host, port: Type.Optional(port), user, identity_file: Type.Optional(identityFile) },
          { additionalProperties: false },
        ),
      ),
      labels: Type.Optional(LabelsSchema),
    },
    { additionalProperties: false },
  ),
);

export const CatalogListSchema: Schema<{ readonly hives: readonly CatalogRecord[] }> = shape<{
  readonly hives: readonly CatalogRecord[];
}>()(Type.Object({ hives: Type.Array(CatalogRecordSchema) }));
