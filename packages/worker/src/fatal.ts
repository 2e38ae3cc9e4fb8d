/** Exit codes of `hive-worker`. A supervisor restarts after `failed`, and must not after `unservable` or `usage`. */
export const EXIT_CODE: { readonly done: 0; readonly failed: 1; readonly usage: 2; readonly unservable: 78 } = {
  done: 0,
  failed: 1,
  usage: 2,
  unservable: 78,
};

/** Why a worker cannot start or go on. Its last line on stderr is `fatal: CODE: why`. */
export type FatalCode =
  /** There is no such file, or it cannot be read. */
  | "MODEL_NOT_FOUND"
  /** Not a GGUF file, or one that llama.cpp refuses. */
  | "MODEL_INVALID"
  /** The file ends before its last tensor: a download that was cut off. */
  | "MODEL_TRUNCATED"
  /** node-llama-cpp, or its binary for this machine, is not installed. */
  | "ENGINE_MISSING"
  /** Memory may come free, so a later start may do. */
  | "OUT_OF_MEMORY"
  | "PORT_IN_USE"
  /** The address does not belong to this machine, or the port needs rights that the user lacks. */
  | "LISTEN_FAILED"
  | "USAGE"
  | "INTERNAL";

/** The exit code that each failure ends the process with. */
export const FATAL_EXIT_CODE: Readonly<Record<FatalCode, number>> = {
  MODEL_NOT_FOUND: EXIT_CODE.unservable,
  MODEL_INVALID: EXIT_CODE.unservable,
  MODEL_TRUNCATED: EXIT_CODE.unservable,
  ENGINE_MISSING: EXIT_CODE.unservable,
  OUT_OF_MEMORY: EXIT_CODE.failed,
  PORT_IN_USE: EXIT_CODE.failed,
  LISTEN_FAILED: EXIT_CODE.failed,
  USAGE: EXIT_CODE.usage,
  INTERNAL: EXIT_CODE.failed,
};

/** Ends the process. The message is for the person who runs the machine and may name their files. */
export class FatalError extends Error {
  readonly code: FatalCode;

  constructor(code: FatalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FatalError";
    this.code = code;
  }
}
