import type { FastifyBaseLogger } from "fastify";
import { destination, pino } from "pino";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on stderr; stdout is for the one line that says where the queen listens. Tokens never get in. */
export const createLog = (level: LogLevel): FastifyBaseLogger =>
  pino(
    { level, base: { name: "queen" }, redact: ["req.headers.authorization", "headers.authorization"] },
    destination({ dest: 2, sync: true }),
  );
