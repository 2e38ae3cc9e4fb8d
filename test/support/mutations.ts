import fc from "fast-check";
import type { HiveHeartbeatPayload } from "hive-registry";

/** A heartbeat with every field there is: what mutations start from. */
export const VALID: HiveHeartbeatPayload = {
  hive_id: "fuzzed",
  timestamp: "2026-01-01T00:00:00Z",
  hive_url: "http://10.0.0.5:7835",
  version: "0.1.0",
  interval_ms: 5_000,
  ram_total_bytes: 64e9,
  ram_available_bytes: 32e9,
  cpu_percent: 12.5,
  goodbye: false,
  devices: [
    {
      ...{ id: "0", backend: "cuda", name: "NVIDIA RTX", vram_total_bytes: 24e9, vram_free_bytes: 8e9, uuid: "GPU-1" },
      ...{ utilization_percent: 40, temperature_c: 51.5, power_w: 220, driver: null },
    },
  ],
  workers: [
    {
      ...{ worker_id: "w-1", state: "Idle", last_heartbeat: "2026-01-01T00:00:00Z", health_status: "healthy" },
      ...{ url: "http://10.0.0.5:9300", model_id: "llama-3-8b", models: ["llama-3-8b", "tiny"], backend: "cuda" },
      ...{ device_id: 0, vram_bytes: 16e9, ram_bytes: 1e9, cpu_percent: 3, gpu_percent: 40, slots_total: 4 },
      ...{ slots_busy: 1, queue_depth: 0, kv_cache_percent: 10, engine: "llama-cpp", draining: false },
      last_reservation: "r-1",
    },
    { worker_id: "w-2", state: "Busy", last_heartbeat: "2026-01-01T00:00:00Z", health_status: "degraded" },
  ],
};

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Values that programs stumble over. */
const aValue: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, false, "", [], {}, [[]], [null], { length: 2 }, "Idle", "true", "null"),
  fc.constantFrom<Json>(0, -0, -1, 0.5, 1e15, 1e16, 2 ** 53, -(2 ** 53), 1e308, 5e-324, 100, 101, 4_096, 3_600_001),
  fc.constantFrom<Json>(
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    ".",
    "..",
    "a/b",
    "%00",
    "\u0000",
    "\ud800",
  ),
  fc.constantFrom<Json>(
    "x".repeat(128),
    "x".repeat(129),
    "x".repeat(10_240),
    "ж".repeat(513),
    "e\u0301",
    "\u202e",
    "🐝",
  ),
  fc.constantFrom<Json>("http://h", "http://u@h", "ftp://h", "javascript:1", "http://[::1]:1/a b", "https://h/?q#f"),
  fc.double() as fc.Arbitrary<Json>,
  fc.integer(),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>,
);

const aKey = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "hive_id", "workers", "worker_id", "vram_bytes", "hasOwnProperty", ""),
  fc.string({ maxLength: 12 }),
);

/** Mostly a few; now and then more than any list may hold. */
const aCount = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 9 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 1_100 }) },
);

/** One change at one place of a tree; `at` picks the place. */
type Change = (parent: { [key: string]: Json } | Json[], key: string) => void;

const aChange: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: aValue.map(
      (value): Change =>
        (parent, key) =>
          put(parent, key, value),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Change>((parent, key) => remove(parent, key)) },
  {
    weight: 2,
    arbitrary: fc.tuple(aKey, aValue).map(
      ([name, value]): Change =>
        (parent) =>
          put(parent, name, value),
    ),
  },
  {
    weight: 1,
    arbitrary: aKey.map(
      (name): Change =>
        (parent, key) =>
          put(parent, name, get(parent, key)),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Change>((parent, key) => put(parent, key, [get(parent, key)])) },
  { weight: 1, arbitrary: fc.constant<Change>((parent, key) => put(parent, key, { value: get(parent, key) })) },
  {
    weight: 1,
    arbitrary: aCount.map(
      (times): Change =>
        (parent, key) => {
          const value = get(parent, key);
          put(
            parent,
            key,
            Array.from({ length: times }, () => value)
              .flat()
              .slice(0, 1_200),
          );
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 400 }).map(
      (depth): Change =>
        (parent, key) => {
          let value = get(parent, key);
          for (let level = 0; level < depth; level++) value = [value];
          put(parent, key, value);
        },
    ),
  },
);

/** The text of a heartbeat that is wrong here and there, as a tree. */
const aMutatedTree: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.nat(), aChange), { minLength: 1, maxLength: 4 })
  .map((changes) => {
    const root: { [key: string]: Json } = { payload: structuredClone(VALID) as unknown as Json };
    for (const [at, change] of changes) {
      const places = placesOf(root);
      const place = places[at % places.length];
      if (place !== undefined) change(...place);
    }
    return JSON.stringify(root.payload) ?? "";
  });

/** Whole heartbeats as bytes, some of them changed, lost or added. */
const aMutatedText: fc.Arbitrary<Uint8Array> = fc
  .array(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 6 }), fc.nat({ max: 20 })), { minLength: 1, maxLength: 3 })
  .map((edits) => {
    let bytes = Buffer.from(JSON.stringify(VALID));
    for (const [at, inserted, removed] of edits) {
      const place = at % (bytes.length + 1);
      bytes = Buffer.concat([bytes.subarray(0, place), inserted, bytes.subarray(place + removed)]);
    }
    return bytes;
  });

/** What a broken or malicious hive might send: mostly almost right, now and then nothing like a heartbeat. */
export const aMutatedHeartbeat: fc.Arbitrary<Buffer> = fc
  .oneof(
    { weight: 12, arbitrary: aMutatedTree },
    { weight: 3, arbitrary: aMutatedText },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 6 }) },
  )
  .map((text) => Buffer.from(text as string));

/** Every place below the root: its parent and its key there. */
function placesOf(parent: { [key: string]: Json } | Json[], found: Parameters<Change>[] = []): Parameters<Change>[] {
  for (const key of Object.keys(parent)) {
    if (found.length > 2_000) return found;
    found.push([parent, key]);
    const child = get(parent, key);
    if (typeof child === "object" && child !== null) placesOf(child, found);
  }
  return found;
}

const get = (parent: { [key: string]: Json } | Json[], key: string): Json =>
  (parent as { [key: string]: Json })[key] ?? null;

/** A copy of the value, so that no two places share one. Also for `__proto__`, which an assignment would swallow. */
function put(parent: { [key: string]: Json } | Json[], key: string, shared: Json): void {
  const value = structuredClone(shared);
  if (Array.isArray(parent) && !/^\d{1,4}$/.test(key)) parent.push(value);
  else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove(parent: { [key: string]: Json } | Json[], key: string): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}
