// What one fleet occupies. Prints one line of JSON. node --expose-gc memory.mjs HIVES WORKERS_PER_HIVE MODELS
import { HiveRegistry } from "../../packages/registry/dist/index.js";
import { heartbeatText, randomFrom } from "../lib/payloads.mjs";

const [hives, workers, models] = process.argv.slice(2).map(Number);
const random = randomFrom(1);
let nowMs = Date.parse("2026-01-01T00:00:00Z");

function occupiedBytes() {
  gc();
  gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Twice: the second heartbeat brings each name again, as every later one does. */
function everyHiveBeatsTwice(registry, count) {
  for (let seq = 1; seq <= 2; seq++) {
    for (let hive = 0; hive < count; hive++) {
      const payload = JSON.parse(heartbeatText({ hive, workers, models, atMs: nowMs, seq, random }));
      registry.updateHiveState(payload.hive_id, payload, { receivedAtMs: nowMs });
    }
    nowMs += 5_000;
  }
}

// Code that is compiled on the way is no part of a fleet.
everyHiveBeatsTwice(new HiveRegistry({ now: () => nowMs }), Math.min(hives, 2_000));
// The last turn's frame still holds that first registry.
await new Promise((resolve) => setImmediate(resolve));
const before = occupiedBytes();
const registry = new HiveRegistry({ now: () => nowMs });
everyHiveBeatsTwice(registry, hives);
const bytes = occupiedBytes() - before;
process.stdout.write(
  `${JSON.stringify({ hives: registry.hiveCount(), workers: registry.totalWorkerCount(), bytes })}\n`,
);
