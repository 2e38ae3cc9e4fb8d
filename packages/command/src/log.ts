import { destination, type Logger, pino } from "pino";
import { limitLog } from "./log-limit.ts";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a part of a program needs of a logger. */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "fatal">;

/**
 * JSON lines on stderr; stdout is for the one line that says where the server listens. Tokens never get in. Where stderr is a file of its own,
 * it is kept from growing without end for as long as the program runs.
 */
export function createLog(name: string, level: LogLevel): Logger {
  limitLog(process.env);
  return pino(
    { level, base: { name }, redact: ["req.headers.authorization", "headers.authorization"] },
    destination({ dest: 2, sync: true }),
  );
}
