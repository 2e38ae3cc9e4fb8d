import type { HiveHeartbeatPayload, WorkerInfo } from "@hive-registry/client";

export function hiveIdOf(hive: number): string;
export function workerCountOf(generation: number): number;
export function heartbeatOf(hive: number, generation: number): HiveHeartbeatPayload;
export type Kind = "hives" | "hive" | "resources" | "workers" | "stats" | "models";
export function faultsOf(kind: Kind, body: unknown, newest?: Map<string, number>): string[];
export function faultsOfList(hiveId: string, workers: readonly WorkerInfo[], generation?: number): string[];
