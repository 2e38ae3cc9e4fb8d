/**
 * What travels and what the registry keeps: the same objects, spelled as on the wire (snake_case, the unit is the last word).
 * A field that a worker or a device does not report is unknown. Unknown is absent, never 0.
 */

/** Idle: takes work at once. Busy: every slot is taken. Loading: its model is not in memory yet. */
export type WorkerState = "Idle" | "Busy" | "Loading";

export type HealthStatus = "healthy" | "degraded";

/** What computes: `cuda`, `cpu`, `metal`, `rocm`, `vulkan`; others may follow, so it is an open set. */
export type Backend = string;

/** What a machine is called besides its name: `zone: "eu"`, `tier: "spot"`. */
export type Labels = Readonly<Record<string, string>>;

/** One inference server as its hive reports it. Identified by `worker_id` within its hive only. */
export interface WorkerInfo {
  readonly worker_id: string;
  readonly state: WorkerState;
  /** RFC 3339: when the hive last heard from this worker. */
  readonly last_heartbeat: string;
  readonly health_status: HealthStatus;
  /** Where clients reach it directly. A worker without one is listed but never chosen. */
  readonly url?: string;
  /** The model that is loaded. */
  readonly model_id?: string;
  /** All models it answers for without loading another, where it is more than `model_id`. */
  readonly models?: readonly string[];
  readonly backend?: Backend;
  /** The number of its GPU on its hive. */
  readonly device_id?: number;
  readonly vram_bytes?: number;
  readonly ram_bytes?: number;
  /** Share of the whole machine's cores, 0–100. */
  readonly cpu_percent?: number;
  /** 0–100. Unknown counts as 100 when workers are compared. */
  readonly gpu_percent?: number;
  readonly slots_total?: number;
  readonly slots_busy?: number;
  /** Requests that wait inside the worker. */
  readonly queue_depth?: number;
  /** 0–100. */
  readonly kv_cache_percent?: number;
  /** The inference server: `llama-cpp`, `ollama`, `vllm` … */
  readonly engine?: string;
  /** Finishes what it has and takes nothing new. */
  readonly draining?: boolean;
  /** Id of the last reservation it admitted. */
  readonly last_reservation?: string;
  /**
   * Id of the last reservation that came with a client who was sent to it (`hive_handover` in the query). Only while that is
   * recent: nobody else tells when such requests begin and end.
   */
  readonly last_handover?: string;
}

/** A GPU or another accelerator. Numbers are null when the driver does not tell. */
export interface DeviceInfo {
  readonly id: string;
  readonly backend: Backend;
  readonly name: string;
  readonly vram_total_bytes: number | null;
  readonly vram_free_bytes: number | null;
  /** 0–100. */
  readonly utilization_percent: number | null;
  readonly temperature_c: number | null;
  readonly power_w: number | null;
  readonly uuid: string | null;
  readonly driver: string | null;
  /** The number by which it is chosen on its machine: `device_id` of a worker. Absent: its place in the list. */
  readonly index?: number;
  /** Its memory is the machine's: what is free of it and what is free of the RAM are one amount. Absent: memory of its own. */
  readonly memory?: "unified";
}

/** What a hive sends: everything that runs on its machine, each time. */
export interface HiveHeartbeatPayload {
  readonly hive_id: string;
  /** RFC 3339, by the hive's own clock. */
  readonly timestamp: string;
  readonly workers: readonly WorkerInfo[];
  /** A new one for each start of the hive's process. With `seq` it puts heartbeats in order. */
  readonly boot_id?: string;
  /** Counts up with each heartbeat of one boot. */
  readonly seq?: number;
  readonly hive_url?: string;
  readonly version?: string;
  /** How long this hive means to wait until its next heartbeat, ms. */
  readonly interval_ms?: number;
  readonly devices?: readonly DeviceInfo[];
  readonly ram_total_bytes?: number;
  readonly ram_available_bytes?: number;
  readonly cpu_percent?: number;
  /** Its own labels. */
  readonly labels?: Labels;
  /** The hive stops now: silent at once. */
  readonly goodbye?: boolean;
}

/** "Alive, and nothing changed": a heartbeat without the list. */
export interface HiveLease {
  readonly hive_id: string;
  readonly boot_id: string;
  readonly seq: number;
}

/**
 * alive: heard recently. suspect: its connection closed, or silent for 2.5 intervals; keeps its place, gets no new work.
 * silent: said goodbye, or silent for 30 s and longer: offline.
 */
export type HiveStatus = "alive" | "suspect" | "silent";

/** One hive as the registry knows it. A snapshot: later heartbeats never change it. GB are 10⁹ bytes. */
export interface HiveRuntimeState {
  readonly hive_id: string;
  readonly workers: readonly WorkerInfo[];
  /** The hive's own timestamp, ms since epoch. */
  readonly last_heartbeat_ms: number;
  /** Sum over the workers that report it. */
  readonly vram_used_gb: number;
  readonly ram_used_gb: number;
  readonly worker_count: number;
  /** When the heartbeat was received, ms since epoch by the receiver's clock. Ages are counted from here. */
  readonly received_at_ms: number;
  readonly status: HiveStatus;
  /** Hive's clock minus receiver's clock when the last heartbeat came; contains the time on the way. */
  readonly clock_skew_ms?: number;
  readonly boot_id?: string;
  readonly seq?: number;
  readonly hive_url?: string;
  readonly version?: string;
  readonly interval_ms?: number;
  readonly devices?: readonly DeviceInfo[];
  /** Sum over the devices that report it; those that use the machine's memory count as one, the largest. */
  readonly vram_total_gb?: number;
  readonly vram_free_gb?: number;
  readonly ram_total_gb?: number;
  readonly ram_available_gb?: number;
  readonly cpu_percent?: number;
  /** Its own labels, and over them those that the operator gave it. */
  readonly labels?: Labels;
  /** It fell silent and came back too often lately: its workers are chosen last. Absent: it did not. */
  readonly flapping?: true;
}

/** What a hive uses and has. GB are 10⁹ bytes. */
export interface ResourceInfo {
  readonly vram_used_gb: number;
  readonly ram_used_gb: number;
  readonly worker_count: number;
  readonly vram_total_gb?: number;
  readonly vram_free_gb?: number;
  readonly ram_total_gb?: number;
  readonly ram_available_gb?: number;
  readonly devices?: readonly DeviceInfo[];
}

export interface HiveWorker {
  readonly hive_id: string;
  readonly worker: WorkerInfo;
  /** It failed lately by what this registry was told: when it may be tried again, ms since epoch. */
  readonly set_aside_until_ms?: number;
}

/** `stale`: not newer than what is known. `unknown`: a lease for a hive or boot that never sent its list. */
export type UpdateResult =
  | { readonly accepted: true; readonly revision: number }
  | { readonly accepted: false; readonly reason: "stale" | "unknown" };

/** One model and who serves it. */
export interface ModelSummary {
  readonly model: string;
  readonly workers: number;
  /** Ready for work now: idle, on an alive hive, reachable, not draining. */
  readonly idle_workers: number;
  readonly hives: number;
  /** Free slots of the workers that are ready for work; one for each that does not report slots. */
  readonly slots_free: number;
}

export interface RegistryStats {
  readonly revision: number;
  readonly hives: { readonly total: number; readonly alive: number; readonly suspect: number; readonly silent: number };
  readonly workers: {
    readonly total: number;
    readonly idle: number;
    readonly busy: number;
    readonly loading: number;
    /** Those that failed and did not show since that they work. */
    readonly set_aside: number;
    readonly by_backend: Readonly<Record<string, number>>;
    readonly by_model: Readonly<Record<string, number>>;
  };
  readonly vram_used_gb: number;
  readonly ram_used_gb: number;
  readonly liveness: {
    /** Evictions are frozen, at the latest until then: most of the fleet fell silent together. Absent: they are not. */
    readonly frozen_until_ms?: number;
    /** Nobody counts as quiet before: the registry started, stood still, or was out of reach. Absent: no such time. */
    readonly grace_until_ms?: number;
    /** Hives that would be evicted by now but for the brakes. */
    readonly held_back: number;
  };
}

/** What a heartbeat says of the hive itself, beside its workers. */
export type HiveReport = Omit<
  HiveRuntimeState,
  | "workers"
  | "status"
  | "vram_used_gb"
  | "ram_used_gb"
  | "worker_count"
  | "vram_total_gb"
  | "vram_free_gb"
  | "ram_total_gb"
  | "ram_available_gb"
> & { readonly ram_total_bytes?: number; readonly ram_available_bytes?: number };

/** Each change: its number and when it happened, by the registry's clock. */
interface Numbered {
  readonly revision: number;
  readonly at_ms: number;
  /** In a filtered stream: the revision that came before this one there. Absent: the number before. */
  readonly follows?: number;
}

/** A change of one hive. */
export type HiveEvent = Numbered & { readonly hive_id: string } & (
    | {
        /** A heartbeat was taken. `workers` is the complete list. */
        readonly type: "hive.heartbeat";
        readonly report: HiveReport;
        readonly workers: readonly WorkerInfo[];
        readonly status: HiveStatus;
      }
    | { /** A lease was taken. */ readonly type: "hive.lease"; readonly received_at_ms: number; readonly seq: number }
    | { readonly type: "hive.suspect"; readonly reason: "closed" | "quiet" }
    | { readonly type: "hive.silent"; readonly reason: "goodbye" | "quiet" }
    | {
        /** It falls silent and comes back again and again, or has ceased to. */ readonly type: "hive.flapping";
        readonly flapping: boolean;
      }
    | {
        /** Its clock was set while it ran: `clock_skew_ms` before and after. Nothing depends on it. */
        readonly type: "hive.clock";
        readonly from_ms: number;
        readonly to_ms: number;
      }
    | {
        /** The operator's labels of it, all of them; the hive need not be known. */ readonly type: "hive.labelled";
        readonly labels: Labels;
      }
    | { readonly type: "hive.removed" }
    | { readonly type: "hive.evicted"; readonly silent_ms: number }
  );

/** A change that is no single hive's: how far the registry trusts itself. */
export type LivenessEvent = Numbered &
  (
    | {
        /** Most of the fleet fell silent together: nobody is evicted until then, unless it comes back before. */
        readonly type: "fleet.frozen";
        readonly until_ms: number;
        /** Of `total` hives that were there, so many are missing. */
        readonly silent: number;
        readonly total: number;
      }
    | { readonly type: "fleet.thawed"; readonly reason: "time" | "recovered" | "operator" }
    | {
        /** The registry's own process stood still: nobody counts as quiet before `grace_until_ms`. */
        readonly type: "fleet.stalled";
        readonly stall_ms: number;
        readonly grace_until_ms: number;
      }
  );

/**
 * A change, numbered without gaps by `revision`. Each one is whole: a replica needs nothing but its own state before it.
 */
export type RegistryEvent = HiveEvent | LivenessEvent;

/** Everything at one revision. */
export interface RegistrySnapshot {
  readonly type: "snapshot";
  readonly revision: number;
  readonly at_ms: number;
  readonly hives: readonly {
    readonly report: HiveReport;
    readonly workers: readonly WorkerInfo[];
    readonly status: HiveStatus;
  }[];
  /** The operator's labels, of hives that are known and of others. */
  readonly labels?: readonly { readonly hive_id: string; readonly labels: Labels }[];
  /** Evictions are frozen, at the latest until then. Absent: they are not. */
  readonly frozen_until_ms?: number;
}
