import type { DeviceInfo, HiveHeartbeatPayload, WorkerInfo } from "@hive-registry/client";
import { onTestFinished } from "vitest";
import { dashboardBeside } from "../../packages/queen/src/http/dashboard-routes.ts";
import { aQueen, type TestQueen } from "../../packages/queen/src/testing/a-queen.ts";

const TICK_MS = 250;
const SECOND_MS = 1_000;
const PAST_MS = 40 * 60_000;
/** As hives beat. Every beat is a full one here, which changes nothing of what is seen. */
const BEAT_MS = 5_000;

export interface DashboardQueen extends TestQueen {
  readonly url: string;
  readonly fleet: BeatingFleet;
}

/**
 * A queen that serves the page, on a clock that runs by itself and that a story may move ahead; meanwhile its fleet goes on
 * beating. Ends with the test.
 */
export async function aDashboardQueen(options: Parameters<typeof aQueen>[0] = {}): Promise<DashboardQueen> {
  const dashboard = dashboardBeside(new URL("../../packages/queen/src/serve.ts", import.meta.url).href);
  if (dashboard === undefined) throw new Error("the page is not built: npm run build");
  const queen = await aQueen({ ...options, dashboard });
  const url = await queen.app.listen({ host: "127.0.0.1", port: 0 });
  const ticking = setInterval(() => queen.clock.advance(TICK_MS), TICK_MS);
  onTestFinished(() => clearInterval(ticking));
  return { ...queen, url, fleet: new BeatingFleet(queen) };
}

/** What a hive tells at a moment. */
export type Telling = (nowMs: number) => HiveHeartbeatPayload;

/** Hives that beat as the queen's clock goes on, until one falls silent. */
export class BeatingFleet {
  readonly #queen: TestQueen;
  readonly #hives: Map<string, { readonly tell: Telling; readonly skewMs: number }> = new Map();
  readonly #beats: Map<string, number> = new Map();

  constructor(queen: TestQueen) {
    this.#queen = queen;
    queen.clock.every(BEAT_MS, () => {
      for (const id of this.#hives.keys()) this.#beat(id);
    });
  }

  /** From now on this is what it tells. `skewMs`: how far its clock is ahead. */
  put(payload: HiveHeartbeatPayload | Telling, { skewMs = 0 }: { readonly skewMs?: number } = {}): void {
    const tell = typeof payload === "function" ? payload : () => payload;
    const { hive_id } = tell(this.#queen.clock.nowMs());
    this.#hives.set(hive_id, { tell, skewMs });
    this.#beat(hive_id);
  }

  /** No beat comes any more, as when the machine lost its power. */
  fallsSilent(hiveId: string): void {
    this.#hives.delete(hiveId);
  }

  #beat(hiveId: string): void {
    const hive = this.#hives.get(hiveId);
    if (hive === undefined) return;
    const { tell, skewMs } = hive;
    const seq = (this.#beats.get(hiveId) ?? 0) + 1;
    this.#beats.set(hiveId, seq);
    const nowMs = this.#queen.clock.nowMs();
    const timestamp = new Date(nowMs + skewMs).toISOString();
    const reply = this.#queen.queen.receiveHeartbeat({
      ...{ boot_id: "boot-1", interval_ms: BEAT_MS, version: "0.1.0", ...tell(nowMs) },
      ...{ seq, timestamp },
    });
    if (!reply.accepted) throw new Error(`the queen refused ${hiveId}: ${reply.reason}`);
  }
}

export function aGpu(
  fields: Partial<DeviceInfo> & { readonly usedGb?: number; readonly totalGb?: number } = {},
): DeviceInfo {
  const { usedGb = 9.4, totalGb = 24, ...device } = fields;
  return {
    ...{ id: "gpu-0", index: 0, backend: "cuda", name: "NVIDIA RTX 4090", utilization_percent: 41, temperature_c: 61 },
    ...{ power_w: 214, uuid: "GPU-1", driver: "560.35", vram_total_bytes: totalGb * 1e9 },
    vram_free_bytes: (totalGb - usedGb) * 1e9,
    ...device,
  };
}

export function aBusyWorker(fields: Partial<WorkerInfo> = {}): WorkerInfo {
  return {
    ...{ worker_id: "w0", state: "Idle", health_status: "healthy", last_heartbeat: "2026-01-01T00:00:00Z" },
    ...{ url: "http://127.0.0.1:9300", model_id: "llama-3-8b", backend: "cuda", engine: "llama-cpp", device_id: 0 },
    ...{ vram_bytes: 6.1e9, ram_bytes: 0.8e9, gpu_percent: 32, cpu_percent: 4, slots_total: 4, slots_busy: 1 },
    ...{ queue_depth: 0, kv_cache_percent: 27 },
    ...fields,
  };
}

export function aMachine(hive_id: string, fields: Partial<HiveHeartbeatPayload> = {}): HiveHeartbeatPayload {
  return {
    ...{ hive_id, timestamp: "2026-01-01T00:00:00Z", hive_url: `http://${hive_id}.lan:7835` },
    ...{ devices: [aGpu()], workers: [aBusyWorker({ worker_id: `${hive_id}-0` })] },
    ...{ ram_total_bytes: 64e9, ram_available_bytes: 41e9, cpu_percent: 18, labels: { zone: "home" } },
    ...fields,
  };
}

/** A small fleet of every kind: what a page shows when it goes well and when it does not. */
export function aLivelyFleet(dashboard: DashboardQueen): void {
  const { fleet, clock } = dashboard;
  const MODELS = ["llama-3-8b", "qwen-2.5-14b", "mistral-7b", "gemma-2-9b"];
  fleet.put(aMachine("desk", { workers: workersOf("desk", MODELS.slice(0, 2), "Idle") }));
  fleet.put(
    aMachine("attic", {
      devices: [aGpu({ name: "NVIDIA RTX 3090", utilization_percent: 97, temperature_c: 83, usedGb: 23.8 })],
      workers: workersOf("attic", MODELS.slice(1, 3), "Busy"),
      labels: { zone: "home", floor: "2" },
    }),
  );
  fleet.put((nowMs) =>
    aMachine("rack-1", {
      devices: [0, 1, 2, 3].map((at) =>
        aGpu({
          ...{ id: `gpu-${at}`, index: at, uuid: `GPU-${at}`, name: "NVIDIA H100", totalGb: 80 },
          ...{ usedGb: 18 * (at + 1) + wave(nowMs, 5), utilization_percent: 14 + 24 * at + wave(nowMs, 12) },
        }),
      ),
      workers: [...workersOf("rack-1", MODELS, "Idle"), ...workersOf("rack-1b", MODELS.slice(0, 2), "Busy")],
      labels: { zone: "hall", tier: "spot" },
      cpu_percent: 24 + wave(nowMs, 10),
    }),
  );
  fleet.put(
    aMachine("rack-2", {
      workers: [
        aBusyWorker({ worker_id: "rack-2-0", state: "Loading", slots_busy: 0, gpu_percent: 3 }),
        aBusyWorker({ worker_id: "rack-2-1", health_status: "degraded", model_id: "mistral-7b" }),
      ],
      labels: { zone: "hall" },
    }),
  );
  const mac = aGpu({
    id: "m3",
    backend: "metal",
    name: "Apple M3 Max",
    totalGb: 36,
    usedGb: 12,
    uuid: null,
    driver: null,
  });
  fleet.put(aMachine("studio", { devices: [mac], workers: workersOf("studio", ["gemma-2-9b"], "Idle", "metal") }));
  fleet.put(aMachine("laptop", { devices: [], workers: workersOf("laptop", ["llama-3-8b"], "Idle", "cpu") }));
  // Its clock is a day behind, which decides nothing.
  fleet.put(aMachine("old-clock"), { skewMs: -86_400_000 });
  clock.every(SECOND_MS, () => {
    for (const [at, model] of MODELS.entries()) {
      for (let more = 3 - at + wave(clock.nowMs(), 1.5); more > 0; more--) someoneAsks(dashboard, model);
    }
  });
  // So that there is something to tell of the time before.
  clock.advance(PAST_MS);
  fleet.put(aMachine("cellar"));
  fleet.fallsSilent("cellar");
  clock.advance(20_000);
  fleet.put(aMachine("garage"));
  fleet.fallsSilent("garage");
  clock.advance(14_000);
}

/** A request that was answered at once, as the gateway tells of it. */
function someoneAsks({ queen }: DashboardQueen, model: string): void {
  const place = queen.line.reserveNow({ model });
  if (place === undefined) return;
  queen.release(place.reservation_id, "ok");
  const cost = { input_tokens: 310, output_tokens: 95, queue_wait_ms: 4, first_byte_ms: 180 };
  queen.telemetry.request(model, true, { failed: false, ...cost });
}

/** Up and down within some minutes. */
const wave = (nowMs: number, height: number): number => height * Math.sin(nowMs / 150_000);

const workersOf = (
  hive: string,
  models: readonly string[],
  state: WorkerInfo["state"],
  backend = "cuda",
): WorkerInfo[] =>
  models.map((model_id, at) =>
    aBusyWorker({
      ...{ worker_id: `${hive}-${at}`, model_id, state, backend },
      ...(backend === "cpu" ? { vram_bytes: 0, gpu_percent: 0, cpu_percent: 38 } : {}),
      ...(state === "Busy" ? { slots_busy: 4, queue_depth: at, gpu_percent: 95, kv_cache_percent: 88 } : {}),
    }),
  );
