import { destination, type Logger, pino } from "pino";

/** The part of pino's logger that is used here. */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "fatal">;

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on stderr; stdout is for the one line that says where the hive listens. */
export const createLog = (level: LogLevel): Log =>
  pino({ name: "hive", level, base: { name: "hive" } }, destination({ dest: 2, sync: true }));
