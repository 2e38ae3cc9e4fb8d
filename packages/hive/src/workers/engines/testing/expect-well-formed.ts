import { compile, type WorkerInfo, WorkerInfoSchema } from "@hive-registry/contract";
import { expect } from "vitest";
import type { Probe } from "../server-engine.ts";

const heartbeat = compile<WorkerInfo>(WorkerInfoSchema);
const STATES = ["loading", "ready", "broken", "locked"];

/** A probe that a heartbeat can carry: one number out of bounds, and the queen would refuse the whole machine. */
export function expectWellFormed(probe: Probe): void {
  const { state, models, slots_total, slots_busy, queue_depth, kv_cache_percent, version, message } = probe;
  const names = models.flatMap(({ id, aliases = [] }) => [id, ...aliases]).slice(0, 1_024);
  const told = Object.entries({ slots_total, slots_busy, queue_depth, kv_cache_percent, backend: version });
  const worker = {
    ...{ worker_id: "w", state: "Idle", last_heartbeat: "2026-11-01T00:00:00Z", health_status: "healthy" },
    ...{ models: names, ...Object.fromEntries(told.filter(([, value]) => value !== null)) },
  };
  expect(heartbeat.errors(worker)).toEqual([]);
  expect(STATES).toContain(state);
  expect(told.filter(([, value]) => value === undefined)).toEqual([]);
  expect(message === undefined || (message.length > 0 && message.length < 200)).toBe(true);
  expect(new Set(models.map(({ id }) => id)).size).toBe(models.length);
  for (const { loaded, context_tokens = 1, size_bytes = 1, vram_bytes = 0 } of models) {
    expect(typeof loaded).toBe("boolean");
    for (const number of [context_tokens, size_bytes, vram_bytes + 1])
      expect(Number.isInteger(number) && number > 0).toBe(true);
  }
}
