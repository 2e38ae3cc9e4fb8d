import { type CatalogRecord, HiveError, type OperationKind, type OperationStarted } from "@hive-registry/contract";
import { configOf, HIVE_PORT_DEFAULT } from "../catalog/index.ts";
import { type Before, beforeStart, FIRST_HEARTBEAT_WITHIN_MS, firstHeartbeat } from "./first-heartbeat.ts";
import { isThisMachine, type LocalHives } from "./local-hives.ts";
import type { Operations } from "./operations.ts";
import type { Queen } from "./queen.ts";
import type { Work } from "./run-job.ts";

/** How often it is seen to that the process still lives meanwhile, ms. */
const LOOK_EVERY_MS = 250;
const LAST_WORDS_BYTES = 4_096;

/**
 * Starts and stops the hives of the queen's own machine, fire and forget: the record first, then the process, and the answer at once. The
 * hive's first heartbeat is what tells that it is there.
 */
export class HiveOperations {
  readonly #queen: Queen;
  readonly #local: LocalHives;
  readonly #operations: Operations;
  readonly #hostname: string;

  constructor(
    deps: { readonly queen: Queen; readonly local: LocalHives; readonly operations: Operations },
    options: { readonly hostname: string },
  ) {
    this.#queen = deps.queen;
    this.#local = deps.local;
    this.#operations = deps.operations;
    this.#hostname = options.hostname;
  }

  /** A hive without a record gets one: this machine, and the port that was asked for. */
  async start(id: string, options: { readonly port?: number } = {}): Promise<OperationStarted> {
    const { catalog } = this.#queen;
    const known = catalog.find(id);
    const record =
      known ?? this.#queen.putCatalogHive(id, { host: "127.0.0.1", port: options.port ?? HIVE_PORT_DEFAULT });
    this.#assertHere(record);
    this.#operations.assertFree(id);
    const before = beforeStart(this.#queen, id);
    const started = await this.#local.start(id, record.port);
    if (started.port !== record.port) this.#queen.putCatalogHive(id, { ...configOf(record), port: started.port });
    const works: Work[] = [
      { name: "start the process", run: async () => (started.already_running ? "it runs already" : started.hive_url) },
      this.#waitForHeartbeat(id, () => (started.already_running ? { at_ms: 0 } : before)),
    ];
    const { operation_id } = this.#operations.begin("start", id, { works });
    return { operation_id, hive_id: id, hive_url: started.hive_url, port: started.port };
  }

  stop(id: string): OperationStarted {
    return this.#begin("stop", id, () => [this.#end(id)]);
  }

  restart(id: string): OperationStarted {
    return this.#begin("restart", id, (record) => {
      let before: Before = { at_ms: 0 };
      return [
        this.#end(id),
        {
          name: "start the process",
          run: async () => {
            before = beforeStart(this.#queen, id);
            return (await this.#local.start(id, record.port)).hive_url;
          },
        },
        this.#waitForHeartbeat(id, () => before),
      ];
    });
  }

  /** Ends the hive and takes it out of the catalog; of this machine nothing else was installed for it. */
  uninstall(id: string): OperationStarted {
    return this.#begin("uninstall", id, () => [
      this.#end(id),
      {
        name: "catalog",
        run: async () => {
          this.#queen.removeCatalogHive(id);
          return "";
        },
      },
    ]);
  }

  isRunning(id: string): boolean {
    return this.#local.isRunning(id);
  }

  /** The end of what it printed, at most so many bytes. */
  log(id: string, tailBytes: number): string {
    return this.#local.log(id, tailBytes);
  }

  #begin(kind: OperationKind, id: string, works: (record: CatalogRecord) => Work[]): OperationStarted {
    const record = this.#queen.catalogHive(id);
    this.#assertHere(record);
    const { operation_id } = this.#operations.begin(kind, id, { works: works(record) });
    return { operation_id, hive_id: id, hive_url: `http://${record.host}:${record.port}`, port: record.port };
  }

  #end(id: string): Work {
    return {
      name: "end the hive and its workers",
      run: async () => ((await this.#local.stop(id)) ? "" : "it did not run"),
    };
  }

  #waitForHeartbeat(id: string, before: () => Before): Work {
    const hive = { stillRuns: () => this.#local.isRunning(id), lastWords: () => this.log(id, LAST_WORDS_BYTES) };
    return {
      name: "wait for its first heartbeat",
      run: async (signal) => {
        const options = { withinMs: FIRST_HEARTBEAT_WITHIN_MS, lookEveryMs: LOOK_EVERY_MS, signal };
        await firstHeartbeat({ ...this.#coreOf(), hive }, id, { ...options, before: before() });
        return "";
      },
    };
  }

  #coreOf() {
    const { registry, clock } = this.#queen;
    return { registry, clock };
  }

  /** @throws {HiveError} `NOT_MANAGED` when it is on another machine. */
  assertHere(id: string): void {
    this.#assertHere(this.#queen.catalogHive(id));
  }

  #assertHere({ id, host }: CatalogRecord): void {
    if (isThisMachine(host, this.#hostname)) return;
    throw new HiveError(
      "NOT_MANAGED",
      `${id} is on ${host}, and the queen does not know how to reach that machine by SSH: \`hive add ${host} --id ${id}\``,
    );
  }
}
