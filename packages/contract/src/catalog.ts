import type { DeviceInfo, Labels } from "hive-registry";
import { Type } from "typebox";
import { DEVICES_PER_HIVE_MAX, DeviceInfoSchema } from "./heartbeat.ts";
import { MachineIdSchema } from "./ids.ts";
import { LabelsSchema } from "./labels.ts";
import { type Schema, shape } from "./schema.ts";
import { hostName, portNumber, sshExtras, userName } from "./ssh-fields.ts";

/** `unknown`: never heard since it was put into the catalog. */
export type CatalogStatus = "unknown" | "online" | "offline";

/** How to reach the machine by SSH. Never a password, never a key: only where the key lies. */
export interface SshTarget {
  /** Whatever ssh accepts: an alias of its configuration, a name or an address. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identity_file?: string;
  /** As ssh's `ProxyJump`: `[user@]host[:port]`, several with commas between. */
  readonly proxy_jump?: string;
  /** Path, on the queen's machine, of an ssh configuration to use in place of the usual one. */
  readonly config_file?: string;
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
    readonly proxy_jump?: string;
    readonly config_file?: string;
  };
  readonly labels?: Labels;
}

const timeMs = (description: string) => Type.Integer({ minimum: 0, description });

export const CatalogRecordSchema: Schema<CatalogRecord> = shape<CatalogRecord>()(
  Type.Object({
    id: MachineIdSchema,
    host: hostName,
    port: portNumber,
    ssh: Type.Optional(Type.Object({ host: hostName, port: portNumber, user: userName, ...sshExtras })),
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
      host: hostName,
      port: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 65_535, default: 7835, description: "The hive's own port" }),
      ),
      ssh: Type.Optional(
        Type.Object(
          { host: hostName, port: Type.Optional(portNumber), user: userName, ...sshExtras },
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
