import { setTimeout as wait } from "node:timers/promises";
import { HiveError, WORKERS_PER_HIVE_MAX } from "@hive-registry/contract";
import { randomFrom } from "../random.ts";
import { FakeHive } from "./fake-hive.ts";
import { type FakeWorker, type FakeWorkerOptions, startFakeWorker } from "./fake-worker.ts";

export const FLEET_HIVES_MAX = 1_000;
/** Each worker listens on a port of its own, of which a machine has some ten thousands. */
export const FLEET_WORKERS_MAX = 8_192;
const READY_LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 10;

export interface FakeFleetOptions {
  readonly queenUrl: string;
  readonly token?: string | undefined;
  /** Default 2. */
  readonly hives?: number;
  /** On each hive. Default 4. */
  readonly workers?: number;
  /** Dealt out to the workers in turn, one each. Default `fake-model`. */
  readonly models?: readonly string[];
  /** Names, faults and pauses come from it. Default 1. */
  readonly seed?: number;
  /** Begins the ids of hives. Default `sim`. */
  readonly idPrefix?: string;
  /** How long the queen may take to accept every hive. Default 15,000. */
  readonly readyLimitMs?: number;
  /** What all workers have in common. */
  readonly worker?: Omit<FakeWorkerOptions, "workerId" | "models" | "seed" | "port">;
}

/** Hives and workers that only pretend, on real sockets. */
export interface FakeFleet {
  readonly hives: readonly FakeHive[];
  readonly workers: readonly FakeWorker[];
  /** All hives say goodbye, then all workers end. Harmless when it was stopped already. */
  stop(): Promise<void>;
}

/**
 * Starts them, and waits until the queen has accepted every hive.
 *
 * @throws {HiveError} `INVALID_REQUEST` for more than a fleet may have, `QUEEN_UNREACHABLE` when not all were accepted in time;
 * nothing is left running then.
 */
export async function startFakeFleet(options: FakeFleetOptions): Promise<FakeFleet> {
  const { hives: hiveCount = 2, workers: perHive = 4, models = ["fake-model"], idPrefix = "sim", seed = 1 } = options;
  refuseTooMany(hiveCount, perHive);
  const random = randomFrom(seed);
  const hives: FakeHive[] = [];
  const workers: FakeWorker[] = [];
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= (async () => {
      await Promise.all(hives.map((hive) => hive.stop()));
      await Promise.all(workers.map((worker) => worker.stop()));
    })();
    return stopped;
  };
  try {
    for (let at = 0; at < hiveCount; at++) {
      const own: FakeWorker[] = [];
      for (let index = 0; index < perHive; index++) {
        const model = models[(at * perHive + index) % models.length] as string;
        const workerId = `${idPrefix}-${at + 1}-${index + 1}`;
        own.push(await startFakeWorker({ ...options.worker, workerId, models: [model], seed }));
        workers.push(own.at(-1) as FakeWorker);
      }
      const hive = new FakeHive(
        { workers: () => own.map((worker) => worker.info()), random: random.stream(`hive ${at}`) },
        { queenUrl: options.queenUrl, token: options.token, hiveId: `${idPrefix}-${at + 1}` },
      );
      hives.push(hive);
      for (const worker of own) worker.onChange(() => hive.changed());
    }
    await allAccepted(hives, options.queenUrl, options.readyLimitMs ?? READY_LIMIT_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return { hives, workers, stop };
}

function refuseTooMany(hives: number, perHive: number): void {
  const ask = (message: string): never => {
    throw new HiveError("INVALID_REQUEST", message);
  };
  if (hives > FLEET_HIVES_MAX) ask(`A fake fleet has at most ${FLEET_HIVES_MAX} hives`);
  if (perHive > WORKERS_PER_HIVE_MAX) ask(`A hive has at most ${WORKERS_PER_HIVE_MAX} workers`);
  if (hives * perHive > FLEET_WORKERS_MAX) {
    ask(`A fake fleet has at most ${FLEET_WORKERS_MAX} workers, and ${hives} × ${perHive} is more`);
  }
}

async function allAccepted(hives: readonly FakeHive[], queenUrl: string, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const missing = hives.filter((hive) => !hive.isAccepted);
    const first = missing[0];
    if (first === undefined) return;
    if (performance.now() > endMs) {
      const why = first.fault ?? "no answer";
      throw new HiveError(
        "QUEEN_UNREACHABLE",
        `${missing.length} of ${hives.length} hives were not accepted by ${queenUrl}: ${why}`,
      );
    }
    await wait(LOOK_EVERY_MS);
  }
}
