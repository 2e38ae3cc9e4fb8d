import type { HiveHeartbeatPayload } from "hive-registry";
import type { Random } from "../random.ts";
import type { Agenda } from "./agenda.ts";
import type { Network } from "./network.ts";
import type { SimWorker } from "./worker.ts";

/** Who hears heartbeats, by the name of its place. */
export interface Hearer {
  readonly place: string;
  hear(payload: HiveHeartbeatPayload): void;
  /** The connection that the hive's heartbeats came on is closed. */
  disconnected(hiveId: string): void;
}

export interface SimHiveOptions {
  readonly hiveId: string;
  readonly beatMs: number;
  /** Only the fields of the seed: no slots, no numbers. */
  readonly plain: boolean;
}

const JITTER_SHARE = 0.1;

/** A machine of the simulated world: beats to every queen, and has workers. */
export class SimHive {
  readonly options: SimHiveOptions;
  readonly workers: readonly SimWorker[];
  readonly #agenda: Agenda;
  readonly #network: Network;
  readonly #random: Random;
  readonly #hearers: readonly Hearer[];
  #boots = 0;
  #seq = 0;
  #isAlive = false;
  #cancelBeat: () => void = () => undefined;

  constructor(
    deps: {
      readonly agenda: Agenda;
      readonly network: Network;
      readonly random: Random;
      readonly hearers: readonly Hearer[];
    },
    workers: readonly SimWorker[],
    options: SimHiveOptions,
  ) {
    this.#agenda = deps.agenda;
    this.#network = deps.network;
    this.#random = deps.random;
    this.#hearers = deps.hearers;
    this.workers = workers;
    this.options = options;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Beats from now on, as a new boot, with all its workers alive. */
  start(): void {
    if (this.#isAlive) return;
    this.#isAlive = true;
    this.#boots++;
    this.#seq = 0;
    for (const worker of this.workers) worker.revive();
    this.#beat();
  }

  /**
   * Everything on it is gone. With its process alone (`crash`) the system closes its connections, so that queens and clients hear
   * of it; with the power nobody does.
   */
  die(how: "crash" | "power"): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#cancelBeat();
    for (const worker of this.workers) worker.die({ tells: how === "crash" });
    if (how === "power") return;
    for (const hearer of this.#hearers) {
      this.#network.send(this.options.hiveId, hearer.place, () => hearer.disconnected(this.options.hiveId));
    }
  }

  #beat(): void {
    const { hiveId, beatMs, plain } = this.options;
    this.#cancelBeat = this.#agenda.after(beatMs * (1 + JITTER_SHARE * (2 * this.#random.next() - 1)), () =>
      this.#beat(),
    );
    const timestamp = new Date(this.#agenda.now()).toISOString();
    const payload: HiveHeartbeatPayload = {
      ...{ hive_id: hiveId, timestamp, boot_id: `${hiveId}-${this.#boots}`, seq: ++this.#seq, interval_ms: beatMs },
      workers: this.workers.filter(({ isAlive }) => isAlive).map((worker) => worker.info(timestamp, { plain })),
    };
    for (const hearer of this.#hearers) this.#network.send(hiveId, hearer.place, () => hearer.hear(payload));
  }
}
