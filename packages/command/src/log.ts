import { destination, type Logger, pino } from "pino";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a part of a program needs of a logger. */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "fatal">;

/** JSON lines on stderr; stdout is for the one line that says where the server listens. Tokens never get in. */
export const createLog = (name: string, level: LogLevel): Logger =>
  pino(
    { level, base: { name }, redact: ["req.headers.authorization", "headers.authorization"] },
    destination({ dest: 2, sync: true }),
  );
