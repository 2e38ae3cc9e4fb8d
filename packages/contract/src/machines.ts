import type { Labels } from "hive-registry";
import { Type } from "typebox";
import { LabelsSchema } from "./labels.ts";
import { type Schema, shape } from "./schema.ts";
import { hostName, portNumber, sshExtras, userName } from "./ssh-fields.ts";

/** How a machine is added: `POST /api/v1/catalog/hives/{id}/add`. What is left out is as ssh's own configuration says. */
export interface MachineAdd {
  readonly ssh: {
    /** Whatever ssh accepts: an alias of its configuration, a name or an address. */
    readonly host: string;
    readonly port?: number;
    readonly user?: string;
    readonly identity_file?: string;
    readonly proxy_jump?: string;
    readonly config_file?: string;
  };
  /** The hive's own port there. Default 7835; 0: any free one. */
  readonly port?: number;
  readonly labels?: Labels;
  /** The queen's address as that machine reaches it. Default: the one the queen knows of itself. */
  readonly queen_url?: string;
  /** Takes the key of a machine that was never seen; never one that changed. */
  readonly accept_new_host_key?: boolean;
  /** Takes a hive over that another queen manages. */
  readonly take_over?: boolean;
  /** As a service of the user (systemd, launchd) instead of a plain process. */
  readonly service?: boolean;
  /** Brings the bundled inference engine too. */
  readonly with_llama?: boolean;
  /** Looks, changes nothing, and says in its last step what would be done. */
  readonly dry_run?: boolean;
}

export const MachineAddSchema: Schema<MachineAdd> = shape<MachineAdd>()(
  Type.Object(
    {
      ssh: Type.Object(
        {
          host: hostName,
          port: Type.Optional(portNumber),
          user: Type.Optional(userName),
          ...sshExtras,
        },
        { additionalProperties: false },
      ),
      port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
      labels: Type.Optional(LabelsSchema),
      queen_url: Type.Optional(Type.String({ maxLength: 2_048, pattern: "^https?://[^\\s\\p{C}]+$" })),
      accept_new_host_key: Type.Optional(Type.Boolean()),
      take_over: Type.Optional(Type.Boolean()),
      service: Type.Optional(Type.Boolean()),
      with_llama: Type.Optional(Type.Boolean()),
      dry_run: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
);

/** The hive that is installed on a machine, as that machine says: `GET /api/v1/catalog/hives/{id}/machine`. */
export interface Installed {
  readonly hive_id: string;
  /** The queen that manages it. */
  readonly queen_id: string;
  readonly queen_url: string;
  readonly version: string;
  readonly port: number;
  readonly service: boolean;
  readonly running: boolean;
  /** Since when it runs, ms since epoch by that machine's clock. */
  readonly since_ms?: number;
}

export const InstalledSchema: Schema<Installed> = shape<Installed>()(
  Type.Object({
    hive_id: Type.String(),
    queen_id: Type.String(),
    queen_url: Type.String(),
    version: Type.String(),
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    service: Type.Boolean(),
    running: Type.Boolean(),
    since_ms: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
);

/** The end of a machine's hive's log: `GET /api/v1/catalog/hives/{id}/logs`. */
export interface HiveLogs {
  readonly text: string;
}

export const HiveLogsSchema: Schema<HiveLogs> = shape<HiveLogs>()(Type.Object({ text: Type.String() }));
