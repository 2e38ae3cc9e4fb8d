import { ClientError } from "@hive-registry/client";
import { oneLine } from "./output/text.ts";

/** What the shell is told. */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** A command could not do what it was asked. The message is all that people see: it says what to do next. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** What to say on stderr and to the shell about `error`. */
export function explain(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof CommandError) return { text: error.message, exitCode: error.exitCode };
  if (error instanceof ClientError) return explainCall(error);
  const text = oneLine(error instanceof Error ? error.message : String(error));
  // The system's own failures (EACCES …) and lifecycle's have a code; what has none is a defect of ours.
  const expected = error instanceof Error && "code" in error && typeof error.code === "string";
  return { text: expected ? text : `Unexpected: ${text}`, exitCode: EXIT.failed };
}

function explainCall(error: ClientError): { text: string; exitCode: number } {
  const said = oneLine(error.message);
  if (
    error.server === "queen" &&
    (error.code === "QUEEN_UNREACHABLE" || (error.code === "TIMEOUT" && error.status === 0))
  ) {
    return {
      text: `${said}. Start one here with \`hive up\`, or name another with --queen URL or HIVE_QUEEN_URL.`,
      exitCode: EXIT.unreachable,
    };
  }
  if (error.code === "HIVE_UNREACHABLE") {
    return { text: `${said}. Start one here with \`hive up\` or \`hive agent\`.`, exitCode: EXIT.failed };
  }
  if (error.code === "UNAUTHENTICATED") {
    return { text: `${said}. Give the token with --token-file FILE or HIVE_TOKEN.`, exitCode: EXIT.failed };
  }
  return { text: `${said} (${error.code})`, exitCode: EXIT.failed };
}
