import type { HiveError } from "@hive-registry/contract";

/** A device of this machine, as the programs that compute on it are told of it. */
export interface LaunchDevice {
  /** Its number on this machine. */
  readonly index: number;
  /** `cuda`, `rocm`, `vulkan` … */
  readonly backend: string;
  /** The driver's name for it. */
  readonly uuid: string | null;
  /** Its number among the devices that its backend's runtime counts, where that is another than its number here. */
  readonly runtime_index?: number;
}

/** What an engine is asked to run. */
export interface Launch {
  readonly worker_id: string;
  readonly model_path: string;
  /** The name clients ask for. */
  readonly alias: string;
  /** 0: any free one. */
  readonly port: number;
  readonly listen: string;
  readonly slots?: number;
  readonly context_tokens?: number;
  /** The only device it may use. */
  readonly device?: LaunchDevice;
  /** `false`: compute on the CPU. */
  readonly gpu?: boolean;
  /** The key clients must send; absent: none. */
  readonly token?: string;
  /** SHA-256, hex, of another key that clients may send: the fleet's token, where the hive has it no other way. */
  readonly fleet_token_sha256?: string;
  readonly hive_url: string;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** What an ended process means. */
export type Verdict =
  /** No restart heals it. */
  | { readonly kind: "fatal"; readonly error: HiveError }
  /** Another port may be free. */
  | { readonly kind: "port-taken" }
  | { readonly kind: "restart"; readonly message: string };

export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** Its last lines on stderr, oldest first. */
  readonly lastLines: readonly string[];
}

/** How one kind of inference server is started and understood. */
export interface Engine {
  /** Its name on the wire. */
  readonly name: string;
  /** @throws {HiveError} `ENGINE_MISSING` when it is not installed. */
  command(launch: Launch): Command;
  /** The port it says it serves on, if this line of its stdout says so. */
  portIn(line: string): number | undefined;
  /** Path that answers 200 once it takes requests. */
  readonly healthPath: string;
  verdict(ending: Ending): Verdict;
}
