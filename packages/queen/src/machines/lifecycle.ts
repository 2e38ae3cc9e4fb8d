import { HiveError, type Installed, type MachineAdd, type OperationStarted } from "@hive-registry/contract";
import type { HiveOperations } from "../core/hive-operations.ts";
import type { Queen } from "../core/queen.ts";
import type { MachineOperations, RecordOverSsh } from "./machine-operations.ts";

/** What can be done to a hive, wherever it is: over SSH where its record says how, else on the queen's own machine. */
export class Lifecycle {
  readonly #queen: Queen;
  readonly #here: HiveOperations;
  readonly #there: MachineOperations;

  constructor(deps: { readonly queen: Queen; readonly here: HiveOperations; readonly there: MachineOperations }) {
    this.#queen = deps.queen;
    this.#here = deps.here;
    this.#there = deps.there;
  }

  add(id: string, machine: MachineAdd): OperationStarted {
    if (this.#queen.catalog.find(id)?.ssh === undefined && this.#here.isRunning(id)) {
      throw new HiveError(
        "ALREADY_RUNNING",
        `A hive ${id} runs on the queen's own machine: stop it, or choose another name`,
      );
    }
    return this.#there.add(id, machine);
  }

  async start(id: string, options: { readonly port?: number }): Promise<OperationStarted> {
    const record = this.#overSsh(id);
    return record === undefined ? this.#here.start(id, options) : this.#there.start(record);
  }

  stop(id: string): OperationStarted {
    const record = this.#overSsh(id);
    return record === undefined ? this.#here.stop(id) : this.#there.stop(record);
  }

  restart(id: string): OperationStarted {
    const record = this.#overSsh(id);
    return record === undefined ? this.#here.restart(id) : this.#there.restart(record);
  }

  uninstall(id: string): OperationStarted {
    const record = this.#overSsh(id);
    return record === undefined ? this.#here.uninstall(id) : this.#there.uninstall(record);
  }

  install(id: string): OperationStarted {
    return this.#there.install(this.#overSsh(id) ?? this.#notOverSsh(id));
  }

  update(id: string): OperationStarted {
    return this.#there.update(this.#overSsh(id) ?? this.#notOverSsh(id));
  }

  async machine(id: string): Promise<Installed> {
    return this.#there.status(this.#overSsh(id) ?? this.#notOverSsh(id));
  }

  async logs(id: string, options: { readonly tail_bytes: number }): Promise<string> {
    const record = this.#overSsh(id);
    if (record !== undefined) return this.#there.logs(record, options);
    this.#here.assertHere(id);
    return this.#here.log(id, options.tail_bytes);
  }

  #overSsh(id: string): RecordOverSsh | undefined {
    const record = this.#queen.catalog.find(id);
    return record?.ssh === undefined ? undefined : { ...record, ssh: record.ssh };
  }

  #notOverSsh(id: string): never {
    const { host } = this.#queen.catalogHive(id);
    throw new HiveError("NOT_MANAGED", `The queen does not reach ${host} by SSH: \`hive add\` tells her how`);
  }
}
