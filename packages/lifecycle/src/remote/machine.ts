import type { Installed as InstalledReply, SshTarget } from "@hive-registry/contract";

/** How ssh is told to reach a machine. What is left out is as ssh's own configuration says. */
export type SshHost = Pick<SshTarget, "host"> &
  Partial<SshTarget> & {
    /** Takes the key of a machine that was never seen; never one that changed. */
    readonly accept_new_host_key?: boolean;
  };

/** What ssh makes of a host: `ssh -G`. */
export interface ResolvedHost {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
}

/** What a machine has, and whether a hive can be put there. */
export interface Preflight {
  readonly os: "linux" | "darwin";
  readonly arch: "x64" | "arm64";
  readonly hostname: string;
  /** Where the hive would be installed. */
  readonly disk_free_bytes: number;
  readonly memory_total_bytes: number;
  /** A Node that is new enough, there or brought before. */
  readonly node?: { readonly path: string; readonly version: string };
  /** Names as its tools print them; empty when there is none, or none that can be seen. */
  readonly gpus: readonly string[];
  /** Whether the queen's `/healthz` answers there; unknown where nothing there can ask. */
  readonly queen: "reached" | "out of reach" | "unknown";
  /** Whether anything else than our own hive listens at the hive's port. */
  readonly port_taken: boolean;
  /** The service manager of the user, where one runs. */
  readonly services: "systemd" | "launchd" | "none";
  readonly installed?: Installed;
}

/** The hive that is there. */
export interface Installed extends InstalledReply {
  /** SHA-256, hex, of the join token that it has: the queen knows by it whether that is the one it made. */
  readonly join_token_sha256?: string;
}

/** What the hive of a machine is to be like. */
export interface HiveSettings {
  readonly hive_id: string;
  readonly queen_id: string;
  readonly queen_url: string;
  /** 0: any free one. */
  readonly port: number;
  /** Its own token towards the queen. Undefined: it keeps the one that it has, or none. Travels over stdin alone. */
  readonly join_token?: string;
  /** SHA-256, hex, of the fleet's token, so that the hive and its workers know it without having it. */
  readonly fleet_token_sha256?: string;
  readonly service: boolean;
}

export interface StartedHive {
  readonly version: string;
  readonly port: number;
  readonly already_running: boolean;
}

/** How long a program on a machine may take and how it is given up. */
export interface Waiting {
  readonly signal?: AbortSignal;
}

/**
 * A machine that is reached by SSH, over one connection, and the one hive of that account there. Each step may be done again:
 * what is done already it leaves as it is.
 *
 * @throws {HiveError} from each: what ssh said (`HOST_UNKNOWN`, `SSH_REFUSED`, `SSH_KEY_REFUSED`, `HOST_KEY_UNKNOWN`, `HOST_KEY_CHANGED`,
 * `SSH_FAILED`), `MACHINE_FAILED` with the machine's last words in `details.output_tail`, `CANCELLED` when the signal was raised.
 */
export interface Machine {
  /** What ssh makes of its name, without connecting. */
  resolve(waiting?: Waiting): Promise<ResolvedHost>;
  connect(waiting?: Waiting): Promise<void>;
  /**
   * The version that {@link install} would bring. Asks nobody.
   *
   * @throws {HiveError} `AGENT_MISSING`
   */
  offered(): Promise<string>;
  preflight(options: { readonly queen_url: string; readonly port: number }, waiting?: Waiting): Promise<Preflight>;
  /**
   * Brings this version's file, a Node where there is none, and the inference engine where it is wanted or was brought before; nothing when all is
   * there whole. Does not change what runs.
   *
   * @returns what it did, in a line.
   * @throws {HiveError} `NO_SPACE`, `NODE_MISSING`, `AGENT_MISSING` (no file to bring), `ENGINE_MISSING`.
   */
  install(found: Preflight, options: { readonly with_llama?: boolean }, waiting?: Waiting): Promise<string>;
  /**
   * Makes the version that was installed last the current one, writes the settings, and starts the hive; a hive that runs so already is left
   * alone, one that runs otherwise is started anew.
   *
   * @throws {HiveError} `PORT_IN_USE`, `MANAGED_ELSEWHERE`.
   */
  start(
    settings: HiveSettings & {
      /** Whether a hive of another queen, or of another name, gives way. */
      readonly take_over?: boolean;
    },
    waiting?: Waiting,
  ): Promise<StartedHive>;
  /** Starts what is installed, with the settings that it was given. */
  startAgain(waiting?: Waiting): Promise<StartedHive>;
  /** Ends hive and workers. False when nothing ran. */
  stop(waiting?: Waiting): Promise<boolean>;
  /** Whether the newly installed version would run: it reads its settings, finds its devices and reaches the queen, beside the one that runs. */
  check(waiting?: Waiting): Promise<string>;
  /** Puts the version before the current one in its place, and starts it. */
  rollBack(waiting?: Waiting): Promise<StartedHive>;
  status(waiting?: Waiting): Promise<Installed | undefined>;
  /** The end of the hive's log. */
  logs(options: { readonly tail_bytes: number }, waiting?: Waiting): Promise<string>;
  /** Ends the hive and removes what `install` and `start` made, and nothing else. False when there was nothing. */
  uninstall(waiting?: Waiting): Promise<boolean>;
  /** Lets go of the connection. The hive there goes on. */
  close(): Promise<void>;
}
