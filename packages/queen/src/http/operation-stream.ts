import type { Operation } from "@hive-registry/contract";
import type { FastifyReply } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { Operations } from "../core/operations.ts";
import { frame } from "./watch-frames.ts";
import { KEEP_ALIVE_MS } from "./watch-stream.ts";

/**
 * Writes the operation as it is and after each change, and ends with it. For a reader that is slower than the operation one frame
 * waits at most: the newest.
 */
export function streamOperation(
  reply: FastifyReply,
  deps: { readonly clock: Clock; readonly operations: Operations },
  operationId: string,
): void {
  let waiting: Operation | undefined;
  // Before the head is written: who may not follow gets a status.
  let write = (operation: Operation): void => {
    waiting = operation;
  };
  const leave = deps.operations.follow(operationId, (operation) => write(operation));
  const { raw } = reply.hijack();
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  });
  write = (operation) => {
    waiting = raw.writableNeedDrain ? operation : undefined;
    if (waiting !== undefined) return;
    raw.write(frame("operation", undefined, JSON.stringify(operation)));
    if (operation.state !== "running") raw.end();
  };
  const writeWaiting = () => {
    if (waiting !== undefined) write(waiting);
  };
  const stopKeepAlive = deps.clock.every(KEEP_ALIVE_MS, () => {
    if (!raw.writableNeedDrain) raw.write(": keep-alive\n\n");
  });
  raw.on("drain", writeWaiting);
  raw.on("close", () => {
    leave();
    stopKeepAlive();
  });
  writeWaiting();
}
