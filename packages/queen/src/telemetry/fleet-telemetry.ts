import {
  type FleetTelemetry as FleetAnswer,
  HiveError,
  type HivesTelemetry,
  type HivesTelemetryQuery,
  type HiveTelemetry,
  TELEMETRY_HIVES_DEFAULT,
  TELEMETRY_MODELS_MAX,
  type TelemetryQuery,
} from "@hive-registry/contract";
import type { HiveHeartbeatPayload, HiveLease, HiveRegistry } from "hive-registry";
import { type ModelRequest, OTHER_MODELS, Telemetry, windowOf } from "hive-registry/telemetry";
import type { Clock } from "../core/clock.ts";
import { pageOf } from "../core/page.ts";

/** How often it is noted who is there, ms. */
const COUNT_MS = 5_000;
const SPARKLINES = ["gpu_percent", "vram_used_bytes", "heartbeat_interval_ms"] as const;

/** What the queen keeps of hives, fleet and models over time, fed by her registry, her heartbeats and her gateway. */
export class FleetTelemetry {
  readonly #telemetry: Telemetry;
  readonly #registry: HiveRegistry;
  readonly #nowMs: () => number;
  readonly #stops: readonly (() => void)[];

  constructor(deps: { readonly registry: HiveRegistry; readonly clock: Clock }) {
    const { registry, clock } = deps;
    this.#registry = registry;
    this.#nowMs = clock.nowMs;
    this.#telemetry = new Telemetry(clock.nowMs());
    this.#stops = [
      registry.onWorkerChange((change) => this.#telemetry.workerChanged(change, change.at_ms)),
      registry.subscribe(
        (event) => {
          if (event.type === "hive.evicted" || event.type === "hive.removed") this.#telemetry.forget(event.hive_id);
        },
        { heartbeats: false },
      ),
      clock.every(COUNT_MS, () => this.#count()),
    ];
  }

  /** @returns how far the hive's clock is ahead, ms; NaN when that was told lately. */
  heartbeat(payload: HiveHeartbeatPayload, receivedAtMs: number): number {
    this.#telemetry.heartbeat(payload, receivedAtMs);
    return this.#telemetry.sample(payload, receivedAtMs);
  }

  lease(lease: HiveLease, receivedAtMs: number): void {
    this.#telemetry.heartbeat(lease, receivedAtMs);
  }

  /** It was refused, being older than one that was taken. */
  late(beat: HiveHeartbeatPayload | HiveLease, receivedAtMs: number): void {
    this.#telemetry.late(beat, receivedAtMs);
  }

  /**
   * A request for a model ended. What clients think up takes no memory: a name that no worker had then is counted under the others,
   * unless it is told apart already.
   *
   * @param isServed a worker has, or had, a model of exactly this name
   */
  request(model: string, isServed: boolean, request: ModelRequest): void {
    const name = isServed || this.#telemetry.hasModel(model) ? model : OTHER_MODELS;
    this.#telemetry.request(name, request, this.#nowMs());
  }

  /** @throws {HiveError} `HIVE_NOT_FOUND` */
  hive(hive_id: string, query: TelemetryQuery): HiveTelemetry {
    const values = this.#telemetry.hive(hive_id, query, this.#nowMs());
    if (values !== undefined) return { hive_id, ...values };
    throw new HiveError("HIVE_NOT_FOUND", `No hive ${JSON.stringify(hive_id)} is known`);
  }

  fleet(query: TelemetryQuery): FleetAnswer {
    return this.#telemetry.fleet({ ...query, modelsMax: TELEMETRY_MODELS_MAX }, this.#nowMs());
  }

  hives({ limit = TELEMETRY_HIVES_DEFAULT, cursor, ...asked }: HivesTelemetryQuery): HivesTelemetry {
    const window = windowOf(this.#nowMs(), asked);
    const request = cursor === undefined ? { limit } : { limit, cursor };
    const { items, ...page } = pageOf(this.#registry.listAllHives(), (id) => this.#telemetry.has(id), request);
    const hives = items.flatMap((hive_id) => {
      const values = this.#telemetry.hiveSeries(hive_id, SPARKLINES, window);
      return values === undefined ? [] : [{ hive_id, ...values.series }];
    });
    return { from_ms: window.from_ms, step_ms: window.step_ms, hives, ...page };
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #count(): void {
    const { hives, workers } = this.#registry.stats();
    const counts = { hives_alive: hives.alive, workers: workers.total, workers_busy: workers.busy };
    this.#telemetry.count(counts, this.#nowMs());
  }
}
