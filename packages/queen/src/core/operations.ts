import { randomUUID } from "node:crypto";
import { ERROR_MEANING, HiveError, type Operation, type StepState } from "@hive-registry/contract";
import type { Clock } from "./clock.ts";

/** Operations that are remembered; the oldest that ended are forgotten first. */
export const OPERATIONS_MAX = 1_000;
/** Of what a step printed, the end is kept, characters. */
const OUTPUT_TAIL_MAX = 4_096;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Step = Mutable<Operation["steps"][number]>;
type Running = Mutable<Omit<Operation, "steps">> & { steps: Step[] };

interface Log {
  error(fields: object, message: string): void;
}

/** One part of an operation: what it gives back is shown as its output. */
export interface Work {
  readonly name: string;
  readonly run: () => Promise<string>;
}

/** What goes on after its caller got an answer: every operation's state, its steps, and who follows it. */
export class Operations {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #operations: Map<string, Running> = new Map();
  readonly #followers: Map<string, Set<(operation: Operation) => void>> = new Map();

  constructor(deps: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /**
   * Begins an operation: runs its steps one after another until one fails.
   *
   * @throws {HiveError} `TOO_MANY_REQUESTS` when so many run already; `ALREADY_RUNNING` when one runs for this hive.
   */
  begin(kind: Operation["kind"], hiveId: string, works: readonly Work[]): Operation {
    for (const { hive_id, state, operation_id } of this.#operations.values()) {
      if (hive_id === hiveId && state === "running") {
        throw new HiveError("ALREADY_RUNNING", `An operation on ${hiveId} is under way`, { details: { operation_id } });
      }
    }
    this.#makeRoom();
    const operation: Running = {
      operation_id: randomUUID(),
      kind,
      hive_id: hiveId,
      state: "running",
      started_at_ms: this.#clock.nowMs(),
      steps: [],
    };
    this.#operations.set(operation.operation_id, operation);
    void this.#run(operation, works);
    return snapshotOf(operation);
  }

  /** @throws {HiveError} `OPERATION_NOT_FOUND` */
  find(operationId: string): Operation {
    const operation = this.#operations.get(operationId);
    if (operation === undefined) throw new HiveError("OPERATION_NOT_FOUND", "No operation of that id is known");
    return snapshotOf(operation);
  }

  /** Calls the listener with the operation as it is, and after each change until it has ended. Returns the end of that. */
  follow(operationId: string, listener: (operation: Operation) => void): () => void {
    listener(this.find(operationId));
    const followers = this.#followers.get(operationId) ?? new Set();
    this.#followers.set(operationId, followers);
    followers.add(listener);
    return () => {
      followers.delete(listener);
      if (followers.size === 0) this.#followers.delete(operationId);
    };
  }

  async #run(operation: Running, works: readonly Work[]): Promise<void> {
    for (const { name, run } of works) {
      const step: Step = { name, state: "running", started_at_ms: this.#clock.nowMs(), output_tail: "" };
      operation.steps.push(step);
      this.#tell(operation);
      try {
        step.output_tail = (await run()).slice(-OUTPUT_TAIL_MAX);
        this.#end(step, "succeeded");
      } catch (error) {
        this.#end(step, "failed");
        step.output_tail = lastWordsOf(error).slice(-OUTPUT_TAIL_MAX);
        operation.error = this.#publicError(error, operation);
        break;
      }
      this.#tell(operation);
    }
    this.#end(operation, operation.error === undefined ? "succeeded" : "failed");
    this.#tell(operation);
    this.#followers.delete(operation.operation_id);
  }

  /** What is our own fault may name files: the log gets it, the caller only where to look. */
  #publicError(error: unknown, { operation_id }: Running): { readonly code: string; readonly message: string } {
    if (error instanceof HiveError && error.code !== "INTERNAL") return { code: error.code, message: error.message };
    this.#log.error({ err: error, operation_id }, "an operation failed");
    return { code: "INTERNAL", message: `${ERROR_MEANING.INTERNAL} (${operation_id})` };
  }

  #end(part: Step | Running, state: StepState): void {
    part.state = state;
    part.ended_at_ms = this.#clock.nowMs();
  }

  #tell(operation: Running): void {
    for (const follower of this.#followers.get(operation.operation_id) ?? []) follower(snapshotOf(operation));
  }

  #makeRoom(): void {
    if (this.#operations.size < OPERATIONS_MAX) return;
    for (const [id, { state }] of this.#operations) {
      if (state === "running") continue;
      this.#operations.delete(id);
      return;
    }
    throw new HiveError("TOO_MANY_REQUESTS", `${OPERATIONS_MAX} operations are under way already`);
  }
}

const snapshotOf = (operation: Running): Operation => structuredClone(operation);

/** A failed step shows what the other side said last, when the failure brings it. */
function lastWordsOf(error: unknown): string {
  const details = error instanceof HiveError ? error.details : undefined;
  return typeof details === "object" && details !== null && "output_tail" in details ? String(details.output_tail) : "";
}
