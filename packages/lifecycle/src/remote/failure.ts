import { ERROR_STATUS, type ErrorCode, HiveError } from "@hive-registry/contract/errors";
import { lastWords } from "../ssh/failure.ts";
import { jsonOf } from "./installed.ts";

/** How a script ends when a Node that was brought does not run there. */
const NODE_DOES_NOT_RUN = 3;
/** And when the engine that was brought does not. */
const ENGINE_DOES_NOT_RUN = 5;

/** A script failed on a machine: what its program said of it, where it said something by which a caller can act; else its last words. */
export function machineFailed(
  host: string,
  what: string,
  ran: {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
    readonly said: ReadonlyMap<string, readonly string[]>;
  },
): HiveError {
  const own = errorIn(ran.said.get("error")?.[0] ?? "");
  const said = [ran.stderr, own?.message, ran.stdout].find((text) => text !== undefined && text.trim() !== "");
  const output_tail = lastWords(said ?? "");
  if (own !== undefined) {
    const details = typeof own.details === "object" && own.details !== null ? own.details : {};
    return new HiveError(own.code, own.message, { details: { ...details, output_tail } });
  }
  if (/No space left on device|Disk quota exceeded/i.test(ran.stderr)) {
    return new HiveError("NO_SPACE", `${host} has no room for the hive: its disk is full`, {
      details: { output_tail },
    });
  }
  if (ran.code === NODE_DOES_NOT_RUN) {
    return new HiveError(
      "NODE_MISSING",
      `${host} has no Node of 20.19 or newer, and the one that was brought does not run there. Install Node there, and try again`,
      { details: { output_tail } },
    );
  }
  if (ran.code === ENGINE_DOES_NOT_RUN) {
    return new HiveError(
      "ENGINE_MISSING",
      `The inference engine that was brought does not run on ${host}. Add it without, and run any server of your own there`,
      { details: { output_tail } },
    );
  }
  return new HiveError(
    "MACHINE_FAILED",
    `${what} failed on ${host}: ${reasonIn(output_tail) ?? `it ended with ${ran.code}`}`,
    {
      details: { output_tail },
    },
  );
}

/** The line that says why: of a Node that ends by an error the one that names it, else the last. */
function reasonIn(words: string): string | undefined {
  const lines = words.split("\n").filter((line) => line.trim() !== "");
  return lines.findLast((line) => /^\w*Error\b.*: /.test(line)) ?? lines.at(-1);
}

function errorIn(
  line: string,
): { readonly code: ErrorCode; readonly message: string; readonly details?: unknown } | undefined {
  const value = jsonOf(line) as
    | { readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly details?: unknown } }
    | undefined;
  const { code, message, details } = value?.error ?? {};
  if (typeof code !== "string" || typeof message !== "string" || !isCode(code)) return undefined;
  return { code, message, details };
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_STATUS, code);
