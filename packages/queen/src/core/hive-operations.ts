import { type CatalogRecord, HiveError, type Operation, type OperationStarted } from "@hive-registry/contract";
import { isThisMachine, type LocalHives } from "./local-hives.ts";
import type { Operations, Work } from "./operations.ts";
import type { Queen } from "./queen.ts";

/** How long a hive that was started may take until its first heartbeat, ms. */
export const FIRST_HEARTBEAT_WITHIN_MS = 60_000;
/** How often it is seen to that the process still lives meanwhile, ms. */
const LOOK_EVERY_MS = 250;
const HIVE_PORT_DEFAULT = 7_835;

/**
 * Starts and stops hives of the catalog, fire and forget: the record first, then the process, and the answer at once. The
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
    const startedAtMs = this.#queen.clock.nowMs();
    const started = await this.#local.start(id, record.port);
    if (started.port !== record.port) this.#queen.putCatalogHive(id, { ...configOf(record), port: started.port });
    const operation = this.#operations.begin("start", id, [
      { name: "start the process", run: async () => (started.already_running ? "it runs already" : started.hive_url) },
      this.#waitForHeartbeat(id, started.already_running ? 0 : startedAtMs),
    ]);
    return { operation_id: operation.operation_id, hive_id: id, hive_url: started.hive_url, port: started.port };
  }

  stop(id: string): OperationStarted {
    return this.#begin("stop", id, () => [this.#end(id)]);
  }

  restart(id: string): OperationStarted {
    return this.#begin("restart", id, (record) => {
      const started = { atMs: 0 };
      return [
        this.#end(id),
        {
          name: "start the process",
          run: async () => {
            started.atMs = this.#queen.clock.nowMs();
            return (await this.#local.start(id, record.port)).hive_url;
          },
        },
        { name: "wait for its first heartbeat", run: () => this.#waitForHeartbeat(id, started.atMs).run() },
      ];
    });
  }

  #begin(kind: Operation["kind"], id: string, works: (record: CatalogRecord) => Work[]): OperationStarted {
    const record = this.#queen.catalogHive(id);
    this.#assertHere(record);
    const { operation_id } = this.#operations.begin(kind, id, works(record));
    return { operation_id, hive_id: id, hive_url: `http://${record.host}:${record.port}`, port: record.port };
  }

  #end(id: string): Work {
    return {
      name: "end the hive and its workers",
      run: async () => ((await this.#local.stop(id)) ? "" : "it did not run"),
    };
  }

  /** Ends with the first heartbeat that was received since; fails when the process ends before, or the time is over. */
  #waitForHeartbeat(id: string, sinceMs: number): Work {
    const { clock, registry } = this.#queen;
    const heard = () => (registry.getHiveState(id)?.received_at_ms ?? Number.NEGATIVE_INFINITY) >= sinceMs;
    const run = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const stops: (() => void)[] = [];
        const settle = (end: () => void) => {
          for (const stop of stops.splice(0)) stop();
          end();
        };
        const fail = (code: "HIVE_FAILED" | "TIMEOUT", message: string) =>
          settle(() => reject(new HiveError(code, message, { details: { output_tail: this.#local.lastWords(id) } })));
        const check = () => {
          if (heard()) settle(() => resolve(""));
        };
        stops.push(
          registry.subscribe((event) => {
            if (event.hive_id === id) check();
          }),
          clock.every(LOOK_EVERY_MS, () => {
            if (!this.#local.isRunning(id)) fail("HIVE_FAILED", `The hive ${id} ended before it was heard`);
          }),
          clock.after(FIRST_HEARTBEAT_WITHIN_MS, () =>
            fail("TIMEOUT", `No heartbeat of ${id} came within ${FIRST_HEARTBEAT_WITHIN_MS / 1_000} s`),
          ),
        );
        check();
      });
    return { name: "wait for its first heartbeat", run };
  }

  #assertHere({ id, host }: CatalogRecord): void {
    if (isThisMachine(host, this.#hostname)) return;
    throw new HiveError(
      "NOT_MANAGED",
      `This queen starts and stops hives on its own machine only, and ${id} is on ${host}: run \`hive agent --queen URL\` there`,
    );
  }
}

const configOf = ({ host, port, ssh, labels }: CatalogRecord) => ({
  host,
  port,
  ...(ssh === undefined ? {} : { ssh }),
  ...(labels === undefined ? {} : { labels }),
});
