import { HiveError, type LibraryModel, type ManagedWorker, type StartWorker } from "@hive-registry/contract";
import type { DeviceInfo, HiveHeartbeatPayload, WorkerInfo } from "hive-registry";
import type { ModelMemory } from "hive-registry/placement";
import type { Queen } from "../../core/queen.ts";
import type { FakeClock } from "../../testing/fake-clock.ts";
import type { HiveCalls } from "../hive-calls.ts";

export const GB = 1e9;
const LOAD_MS = 2_000;

interface FakeWorker {
  readonly info: WorkerInfo;
  readonly request: StartWorker;
  readonly bytes: number;
  /** The device that it is on; undefined: RAM. */
  readonly device: number | undefined;
  state: "Loading" | "Idle" | "Busy" | "failed";
  slotsBusy: number;
  draining: boolean;
}

export interface FakeHiveOptions {
  /** GB of each GPU; none: a machine with RAM only. */
  readonly gpus?: readonly number[];
  /** Of the first GPU; absent: the hive does not tell numbers. */
  readonly firstNumber?: number;
  /** Its GPUs use the machine's memory, and tell nothing else. */
  readonly unified?: boolean;
  readonly ramGb?: number;
  /** Models of its models folder, and what the weights of each one take, GB. */
  readonly models?: Readonly<Record<string, number>>;
}

/** Takes as much as its weights and the overhead, to the byte. */
const memoryOf = (gb: number): ModelMemory => ({ weights_bytes: gb * GB, kv_bytes_per_token: 0 });

/** A machine without sockets: it loads in {@link LOAD_MS}, measures itself at every beat, and says what it is told to say. */
export class FakeHive {
  readonly id: string;
  readonly url: string;
  readonly workers: Map<string, FakeWorker> = new Map();
  models: Readonly<Record<string, number>>;
  /** What it refuses every start with. */
  refuses: HiveError | undefined;
  /** What its workers say when they have loaded for a while. */
  fails: HiveError | undefined;
  isReached = true;
  /** Who answers at its address. */
  answersAs: string;
  bootId = "boot-1";
  readonly asked: string[] = [];
  readonly #clock: FakeClock;
  readonly #gpus: readonly number[];
  readonly #ramGb: number;
  readonly #firstNumber: number | undefined;
  readonly #unified: boolean;
  #seq = 0;

  constructor(clock: FakeClock, id: string, options: FakeHiveOptions = {}) {
    this.#clock = clock;
    this.id = id;
    this.answersAs = id;
    this.url = `http://${id}:7835`;
    this.models = options.models ?? {};
    this.#gpus = options.gpus ?? [];
    this.#ramGb = options.ramGb ?? 64;
    this.#firstNumber = options.firstNumber;
    this.#unified = options.unified ?? false;
  }

  get starts(): readonly StartWorker[] {
    return [...this.workers.values()].map(({ request }) => request);
  }

  library(): { readonly hive_id: string; readonly models: readonly LibraryModel[] } {
    const models = Object.entries(this.models).map(([model, gb]) => ({
      ...{ model, file: `${model}.gguf`, memory: memoryOf(gb) },
    }));
    return { hive_id: this.answersAs, models };
  }

  start(request: StartWorker): ManagedWorker {
    if (this.refuses !== undefined) throw this.refuses;
    const model = request.alias ?? request.model;
    let worker_id = model;
    for (let number = 2; this.workers.has(worker_id); number++) worker_id = `${model}-${number}`;
    const info: WorkerInfo = {
      ...{ worker_id, state: "Loading", health_status: "healthy", model_id: model, slots_total: 4 },
      ...{ last_heartbeat: "2026-01-01T00:00:00Z", url: `${this.url.replace("7835", "9300")}/${worker_id}` },
      ...(request.device_id === undefined ? {} : { device_id: request.device_id }),
      ...(request.gpu === false ? { backend: "cpu" } : {}),
    };
    const worker: FakeWorker = {
      ...{ info, request, bytes: (this.models[model] ?? 1) * GB + 512 * 1_048_576, device: request.device_id },
      ...{ state: "Loading", slotsBusy: 0, draining: false },
    };
    this.workers.set(worker_id, worker);
    this.#clock.after(LOAD_MS, () => {
      if (worker.state === "Loading") worker.state = this.fails === undefined ? "Idle" : "failed";
    });
    return this.managed(worker);
  }

  managed(worker: FakeWorker): ManagedWorker {
    const failed = worker.state === "failed";
    return {
      ...{ worker: this.#told(worker), managed: true, restarts: 0 },
      phase: failed ? "failed" : worker.state === "Loading" ? "starting" : "ready",
      ...(failed && this.fails !== undefined ? { error: { code: this.fails.code, message: this.fails.message } } : {}),
      ...(worker.request.on_demand === true ? { on_demand: true } : {}),
    };
  }

  heartbeat(): HiveHeartbeatPayload {
    const workers = [...this.workers.values()].filter(({ state }) => state !== "failed");
    const held = (device: number | undefined) =>
      workers.filter((one) => this.#unified || one.device === device).reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      ...{
        hive_id: this.id,
        timestamp: "2026-01-01T00:00:00Z",
        boot_id: this.bootId,
        seq: ++this.#seq,
        hive_url: this.url,
      },
      workers: workers.map((worker) => this.#told(worker)),
      devices: this.#gpus.map((gb, at) => {
        const index = this.#firstNumber === undefined ? undefined : this.#firstNumber + at;
        return {
          ...aGpu(at, gb * GB, held(index ?? at)),
          ...(index === undefined ? {} : { index }),
          ...(this.#unified ? { memory: "unified" as const } : {}),
        };
      }),
      ram_total_bytes: this.#ramGb * GB,
      ram_available_bytes: this.#ramGb * GB - held(undefined),
    };
  }

  #told({ info, state, slotsBusy, draining, bytes, device }: FakeWorker): WorkerInfo {
    const loaded = state === "Loading" || state === "failed";
    return {
      ...{ ...info, state: loaded ? "Loading" : slotsBusy >= 4 ? "Busy" : "Idle", slots_busy: slotsBusy },
      ...(draining ? { draining } : {}),
      ...(device === undefined ? { ram_bytes: bytes } : { vram_bytes: bytes }),
    };
  }
}

const aGpu = (at: number, total: number, held: number): DeviceInfo => ({
  ...{ id: `gpu-${at}`, backend: "cuda", name: "GPU", vram_total_bytes: total, vram_free_bytes: total - held },
  ...{ utilization_percent: null, temperature_c: null, power_w: null, uuid: null, driver: null },
});

/** Hives that a queen can call, and that beat when time passes. */
export class FakeHives implements HiveCalls {
  readonly #clock: FakeClock;
  readonly #hives: Map<string, FakeHive> = new Map();
  /** Calls that are under way at the same time, at most. */
  atOnce = 0;
  #underWay = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  add(id: string, options: FakeHiveOptions = {}): FakeHive {
    const hive = new FakeHive(this.#clock, id, options);
    this.#hives.set(hive.url, hive);
    return hive;
  }

  /** Every hive tells how it is. */
  beat(queen: Queen): void {
    for (const hive of this.#hives.values()) queen.receiveHeartbeat(hive.heartbeat());
  }

  library(url: string): ReturnType<HiveCalls["library"]> {
    return this.#call(url, "library", (hive) => hive.library());
  }

  workers(url: string): ReturnType<HiveCalls["workers"]> {
    return this.#call(url, "workers", (hive) => [...hive.workers.values()].map((worker) => hive.managed(worker)));
  }

  worker(url: string, workerId: string): ReturnType<HiveCalls["worker"]> {
    return this.#call(url, `worker ${workerId}`, (hive) => hive.managed(found(hive, workerId)));
  }

  start(url: string, request: StartWorker): ReturnType<HiveCalls["start"]> {
    return this.#call(url, `start ${request.model}`, (hive) => hive.start(request));
  }

  /** A worker that drains ends when it has nothing to do. */
  async stop(url: string, workerId: string, drainMs: number): Promise<void> {
    const hive = await this.#call(url, `stop ${workerId} ${drainMs}`, (one) => one);
    const worker = found(hive, workerId);
    worker.draining = drainMs > 0;
    const endsAtMs = this.#clock.nowMs() + drainMs;
    while (worker.slotsBusy > 0 && this.#clock.nowMs() < endsAtMs) {
      await new Promise<void>((resolve) => void this.#clock.after(100, resolve));
    }
    hive.workers.delete(workerId);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #call<T>(url: string, what: string, answer: (hive: FakeHive) => T): Promise<T> {
    this.atOnce = Math.max(this.atOnce, ++this.#underWay);
    await new Promise((resolve) => setImmediate(resolve));
    this.#underWay--;
    const hive = this.#hives.get(url);
    hive?.asked.push(what);
    if (hive?.isReached !== true) throw new HiveError("HIVE_UNREACHABLE", "It is not reached");
    return answer(hive);
  }
}

function found(hive: FakeHive, workerId: string): FakeWorker {
  const worker = hive.workers.get(workerId);
  if (worker === undefined) throw new HiveError("WORKER_NOT_FOUND", "It is not there");
  return worker;
}
