/** Exit codes of `hive-worker`. A supervisor restarts after `failed`, and must not after `unservable` or `usage`. */
export const EXIT_CODE = { done: 0, failed: 1, usage: 2, unservable: 78 } as const;

/** Why a worker cannot start or go on, each with the exit code it ends with. Its last line on stderr is `fatal: CODE: why`. */
export const FATAL_EXIT_CODE = {
  /** There is no such file, or it cannot be read. */
  MODEL_NOT_FOUND: EXIT_CODE.unservable,
  /** Not a GGUF file, or one that llama.cpp refuses. */
  MODEL_INVALID: EXIT_CODE.unservable,
  /** The file ends before its last tensor: a download that was cut off. */
  MODEL_TRUNCATED: EXIT_CODE.unservable,
  /** node-llama-cpp, or its binary for this machine, is not installed. */
  ENGINE_MISSING: EXIT_CODE.unservable,
  /** Memory may come free, so a later start may do. */
  OUT_OF_MEMORY: EXIT_CODE.failed,
  PORT_IN_USE: EXIT_CODE.failed,
  /** The address does not belong to this machine, or the port needs rights that the user lacks. */
  LISTEN_FAILED: EXIT_CODE.failed,
  INTERNAL: EXIT_CODE.failed,
  USAGE: EXIT_CODE.usage,
} as const;

export type FatalCode = keyof typeof FATAL_EXIT_CODE;

/** Ends the process. The message is for the person who runs the machine and may name their files. */
export class FatalError extends Error {
  readonly code: FatalCode;

  constructor(code: FatalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FatalError";
    this.code = code;
  }
}
