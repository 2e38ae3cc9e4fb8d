import { tokenHash } from "@hive-registry/command";
import {
  type CatalogRecord,
  HiveError,
  type Installed,
  type MachineAdd,
  type OperationKind,
  type OperationStarted,
} from "@hive-registry/contract";
import type { Machine, SshHost } from "@hive-registry/lifecycle";
import { HIVE_PORT_DEFAULT } from "../catalog/index.ts";
import type { Operations } from "../core/operations.ts";
import type { Queen } from "../core/queen.ts";
import type { Work } from "../core/run-job.ts";
import { withDeadline } from "./deadline.ts";
import { Turns } from "./turns.ts";
import { type Home, Visit, type Wish } from "./visit.ts";

/** Operations over SSH that run at once; the others wait their turn. */
export const SSH_OPERATIONS_MAX = 8;
/** Questions over SSH that are answered at once, beside the operations. */
export const QUESTIONS_MAX = 8;
/** How long a machine may take to answer a question, ms. */
export const ANSWER_WITHIN_MS = 20_000;

/** What the queen knows of machines that it reaches by SSH, and whom it asks to reach them. */
export interface Machines {
  open(host: SshHost): Machine;
  /** Made at the first use. */
  queenId(): string;
  /** Where machines reach the queen, unless a request says otherwise. */
  queenUrl(): string;
}

/** Nobody: no machine is reached. */
export const noMachines: Machines = {
  open: () => {
    throw new HiveError("SSH_MISSING", "This queen reaches no machines");
  },
  queenId: () => "",
  queenUrl: () => "",
};

/** A machine that is reached by SSH. */
export type RecordOverSsh = CatalogRecord & { readonly ssh: NonNullable<CatalogRecord["ssh"]> };

/** Operations on the hives of other machines. Each is written so that the same one again finishes what was broken off. */
export class MachineOperations {
  readonly #queen: Queen;
  readonly #operations: Operations;
  readonly #machines: Machines;
  readonly #home: Home;
  readonly #turns: Turns = new Turns(SSH_OPERATIONS_MAX);
  readonly #questions: Turns = new Turns(QUESTIONS_MAX);

  constructor(
    deps: { readonly queen: Queen; readonly operations: Operations; readonly machines: Machines },
    options: { readonly token?: string },
  ) {
    this.#queen = deps.queen;
    this.#operations = deps.operations;
    this.#machines = deps.machines;
    const { token } = options;
    this.#home = {
      queen: deps.queen,
      queenId: () => this.#machines.queenId(),
      fleetTokenSha256: token === undefined ? undefined : tokenHash(token),
    };
  }

  /** The machine need not be in the catalog yet; what is there already is left as it is. */
  add(id: string, { dry_run = false, queen_url, ...machine }: MachineAdd): OperationStarted {
    const { accept_new_host_key, ssh } = machine;
    const host = { ...ssh, ...(accept_new_host_key === undefined ? {} : { accept_new_host_key }) };
    const wish: Wish = { ...machine, queen_url: queen_url ?? this.#machines.queenUrl(), keep_queen_url: false };
    return this.#begin("add", id, host, wish, (visit) => [
      ...[visit.resolve(), visit.connect(), visit.look()],
      ...(dry_run ? [visit.plan()] : this.#putThere(visit)),
    ]);
  }

  /** Adds it again as it stands in the catalog. */
  install(record: RecordOverSsh): OperationStarted {
    return this.#visit("install", record, (visit) => [
      ...[visit.resolve(), visit.connect(), visit.look()],
      ...this.#putThere(visit),
    ]);
  }

  start(record: RecordOverSsh): OperationStarted {
    return this.#visit("start", record, (visit) => [
      ...[visit.connect(), visit.lookAtHive(), visit.startAgain(), visit.firstHeartbeat()],
    ]);
  }

  stop(record: RecordOverSsh): OperationStarted {
    return this.#visit("stop", record, (visit) => [visit.connect(), visit.lookAtHive(), visit.stop()]);
  }

  restart(record: RecordOverSsh): OperationStarted {
    return this.#visit("restart", record, (visit) => [
      ...[visit.connect(), visit.lookAtHive(), visit.stop(), visit.startAgain(), visit.firstHeartbeat()],
    ]);
  }

  /** The new version is brought and tried beside the one that runs; when it is not heard after the switch, the old one comes back. */
  update(record: RecordOverSsh): OperationStarted {
    return this.#visit("update", record, (visit) => [
      ...[visit.connect(), visit.look({ mustBeThere: true }), visit.install(), visit.check()],
      ...[visit.switch(), visit.updatedHeartbeat()],
    ]);
  }

  uninstall(record: RecordOverSsh): OperationStarted {
    return this.#visit("uninstall", record, (visit) => [
      ...[visit.connect(), visit.lookAtHive(), visit.uninstall(), visit.removeRecord()],
    ]);
  }

  /** @throws {HiveError} what ssh said; `TIMEOUT`; `HIVE_NOT_FOUND` when no hive is installed there. */
  async status({ id, ssh }: RecordOverSsh): Promise<Installed> {
    const installed = await this.#ask(ssh, (machine, signal) => machine.status({ signal }));
    if (installed !== undefined) return installed;
    throw new HiveError("HIVE_NOT_FOUND", `No hive is installed on the machine of ${id}`);
  }

  /** @throws {HiveError} what ssh said; `TIMEOUT`. */
  logs({ ssh }: RecordOverSsh, options: { readonly tail_bytes: number }): Promise<string> {
    return this.#ask(ssh, (machine, signal) => machine.logs(options, { signal }));
  }

  #putThere(visit: Visit): Work[] {
    return [visit.install(), visit.catalog(), visit.start(), visit.firstHeartbeat()];
  }

  #visit(kind: OperationKind, record: RecordOverSsh, worksOf: (visit: Visit) => Work[]): OperationStarted {
    const { id, ssh, port } = record;
    const wish: Wish = { ssh, port, queen_url: this.#machines.queenUrl(), keep_queen_url: true };
    return this.#begin(kind, id, ssh, wish, worksOf);
  }

  #begin(
    kind: OperationKind,
    id: string,
    host: SshHost,
    wish: Wish,
    worksOf: (visit: Visit) => Work[],
  ): OperationStarted {
    this.#operations.assertFree(id);
    const machine = this.#machines.open(host);
    const visit = new Visit(this.#home, machine, id, wish);
    let giveBack = this.#turns.take();
    const turn: Work = {
      name: "wait its turn",
      run: async (signal) => {
        giveBack = await this.#turns.wait(signal);
        return "";
      },
    };
    const end = async () => {
      try {
        await machine.close();
      } finally {
        giveBack?.();
      }
    };
    const works = [...(giveBack === undefined ? [turn] : []), ...worksOf(visit)];
    try {
      const { operation_id } = this.#operations.begin(kind, id, { works, otherwise: () => visit.rollBack(), end });
      const port = wish.port ?? HIVE_PORT_DEFAULT;
      const address = this.#queen.catalog.find(id)?.host ?? host.host;
      return { operation_id, hive_id: id, hive_url: urlOf(address, port), port };
    } catch (error) {
      giveBack?.();
      throw error;
    }
  }

  async #ask<T>(host: SshHost, question: (machine: Machine, signal: AbortSignal) => Promise<T>): Promise<T> {
    const giveBack = this.#questions.take();
    if (giveBack === undefined) {
      throw new HiveError("TOO_MANY_REQUESTS", `${QUESTIONS_MAX} machines are being asked already`);
    }
    try {
      const machine = this.#machines.open(host);
      try {
        return await withDeadline(this.#queen.clock, ANSWER_WITHIN_MS, (signal) => question(machine, signal));
      } finally {
        await machine.close().catch(() => {});
      }
    } finally {
      giveBack();
    }
  }
}

const urlOf = (host: string, port: number): string =>
  `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
