import type { Operation } from "@hive-registry/contract";

/** What an operation on a local hive consists of, in order: the names of its steps as people see them. */
export const OPERATION_STEPS: Readonly<Record<Operation["kind"], readonly string[]>> = {
  start: ["start the process", "wait for its first heartbeat"],
  stop: ["end the hive and its workers"],
  restart: ["end the hive and its workers", "start the process", "wait for its first heartbeat"],
};
