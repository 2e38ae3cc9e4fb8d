import { pathToFileURL } from "node:url";
import type { Log } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract";
import { workerEntry } from "./engines/llama-cpp.ts";
import type { SupervisedWorker } from "./supervised-worker.ts";
import type { Exposure, Supervisor } from "./supervisor.ts";

export const DEMO_WORKER_ID = "demo";
/** When it gives way it may finish what it answers just now. */
const DEMO_DRAIN_MS = 10_000;

export interface DemoModel {
  readonly path: string;
  readonly model_id: string;
}

export interface DemoDeps {
  readonly log: Log;
  readonly supervisor: Supervisor;
  readonly exposure: () => Promise<Exposure>;
  /** Resolves once it is known what runs here already, after a bounded time. */
  readonly othersKnown?: () => Promise<unknown>;
  /** Makes the demonstration model in a folder, or finds it there. */
  readonly ensureModel?: (dir: string) => Promise<DemoModel>;
}

/** The demonstration worker: there when the machine has no other, gone for good as soon as it has one. */
export class Demo {
  readonly #deps: DemoDeps;
  #gaveWay = false;
  #worker: SupervisedWorker | undefined;

  constructor(deps: DemoDeps) {
    this.#deps = deps;
  }

  /** Starts it unless another worker is there already. What goes wrong is logged: a hive without it is whole. */
  async begin(modelsDir: string): Promise<void> {
    const { log, supervisor, exposure } = this.#deps;
    try {
      await this.#deps.othersKnown?.();
      if (this.#gaveWay) return;
      const { path, model_id } = await (this.#deps.ensureModel ?? ensureBundledModel)(modelsDir);
      const where = await exposure();
      if (this.#gaveWay) return;
      this.#worker = await supervisor.start({ model: path, worker_id: DEMO_WORKER_ID, alias: model_id }, where);
      if (this.#gaveWay) await this.#leave();
      else log.info("no other worker here: the demonstration model is started");
    } catch (error) {
      const reason =
        error instanceof HiveError ? error : new HiveError("INTERNAL", "it could not be made", { cause: error });
      log.warn({ code: reason.code, err: reason.cause }, `no demonstration worker: ${reason.message}`);
    }
  }

  /** Another worker is there: this one gets no new work, finishes what it has and ends. */
  giveWay(): void {
    if (this.#gaveWay) return;
    this.#gaveWay = true;
    void this.#leave().catch((error: unknown) =>
      this.#deps.log.warn({ error }, "the demonstration worker did not end"),
    );
  }

  async #leave(): Promise<void> {
    const { supervisor, log } = this.#deps;
    // Somebody else may have stopped it, and may have started another under its name.
    if (this.#worker === undefined || supervisor.find(DEMO_WORKER_ID) !== this.#worker) return;
    log.info("another worker is here: the demonstration model ends");
    await supervisor.stop(DEMO_WORKER_ID, { drainMs: DEMO_DRAIN_MS });
  }
}

async function ensureBundledModel(dir: string): Promise<DemoModel> {
  const entry = workerEntry();
  if (entry === undefined) throw new HiveError("ENGINE_MISSING", "The bundled worker is not installed here");
  const bundled = (await import(pathToFileURL(entry).href)) as {
    readonly ensureDemoModel: (dir: string) => Promise<DemoModel>;
  };
  return bundled.ensureDemoModel(dir);
}
