import { randomUUID } from "node:crypto";
import { ERROR_MEANING, HiveError, type Operation, type OperationKind } from "@hive-registry/contract";
import type { Catalog } from "../catalog/index.ts";
import type { Clock } from "./clock.ts";
import { type Job, type RunningOperation, runJob, type Step } from "./run-job.ts";

/** Operations that are remembered; the oldest that ended are forgotten first. */
export const OPERATIONS_MAX = 1_000;
/** Of those that an end of the queen cut off, so many outlive it; the oldest are forgotten first. */
export const INTERRUPTED_MAX = 100;
/** Who follows one operation at once. */
export const FOLLOWERS_MAX = 64;
/** What is under way may take this long to end once the queen stops, ms. */
export const STOP_WITHIN_MS = 1_500;

interface Log {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
interface UnderWay {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/**
 * What goes on after its caller got an answer: every operation's state, its steps, and who follows it. What runs is noted in the
 * catalog too, so that the queen's next life knows what was cut off.
 */
export class Operations {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #catalog: Catalog;
  readonly #onNews: (operation: Operation) => void;
  readonly #operations: Map<string, RunningOperation> = new Map();
  readonly #underWay: Map<string, UnderWay> = new Map();
  readonly #followers: Map<string, Set<(operation: Operation) => void>> = new Map();
  #stopped = false;

  constructor(deps: {
    readonly clock: Clock;
    readonly log: Log;
    readonly catalog: Catalog;
    /** Called when one began, and when it has ended. */
    readonly onNews?: (operation: Operation) => void;
  }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#catalog = deps.catalog;
    this.#onNews = deps.onNews ?? (() => {});
    this.#readInterrupted();
  }

  /**
   * Begins an operation: runs its steps one after another until one fails.
   *
   * @throws {HiveError} `TOO_MANY_REQUESTS` when so many run already; `ALREADY_RUNNING` when one runs for this hive;
   * `SHUTTING_DOWN`.
   */
  begin(kind: OperationKind, hiveId: string, job: Job): Operation {
    this.assertFree(hiveId);
    this.#makeRoom();
    const operation: RunningOperation = {
      operation_id: randomUUID(),
      kind,
      hive_id: hiveId,
      state: "running",
      started_at_ms: this.#clock.nowMs(),
      steps: [],
    };
    const id = operation.operation_id;
    this.#forgetInterrupted(hiveId);
    this.#operations.set(id, operation);
    this.#onNews(operation);
    const abort = new AbortController();
    const onChange = () => this.#changed(operation);
    const run = runJob({ clock: this.#clock, onChange, errorOf: this.#publicError }, operation, job, abort.signal);
    const ended = run.then(() => this.#ended(operation));
    this.#underWay.set(id, { abort, ended });
    return snapshotOf(operation);
  }

  /** @throws {HiveError} `ALREADY_RUNNING` while an operation on this hive is under way; `SHUTTING_DOWN`. */
  assertFree(hiveId: string): void {
    if (this.#stopped) throw new HiveError("SHUTTING_DOWN", "The queen is about to stop and begins nothing new");
    for (const operation_id of this.#underWay.keys()) {
      if (this.#operations.get(operation_id)?.hive_id !== hiveId) continue;
      throw new HiveError("ALREADY_RUNNING", `An operation on ${hiveId} is under way`, { details: { operation_id } });
    }
  }

  /** @throws {HiveError} `OPERATION_NOT_FOUND` */
  find(operationId: string): Operation {
    const operation = this.#operations.get(operationId);
    if (operation === undefined) throw new HiveError("OPERATION_NOT_FOUND", "No operation of that id is known");
    return snapshotOf(operation);
  }

  /** Newest first. */
  list(query: { readonly hive_id?: string; readonly limit: number }): Operation[] {
    const { hive_id, limit } = query;
    return [...this.#operations.values()]
      .filter((operation) => hive_id === undefined || operation.hive_id === hive_id)
      .reverse()
      .slice(0, limit)
      .map(snapshotOf);
  }

  /**
   * Gives up what runs: its step is told, and the operation ends as `cancelled` once that has let go. One that has ended stays.
   *
   * @throws {HiveError} `OPERATION_NOT_FOUND`
   */
  cancel(operationId: string): Operation {
    this.find(operationId);
    this.#underWay.get(operationId)?.abort.abort(new HiveError("CANCELLED", "The operation was cancelled"));
    return this.find(operationId);
  }

  /**
   * Calls the listener with the operation as it is, and after each change until it has ended. Returns the end of that.
   *
   * @throws {HiveError} `OPERATION_NOT_FOUND`; `TOO_MANY_REQUESTS` when {@link FOLLOWERS_MAX} follow it.
   */
  follow(operationId: string, listener: (operation: Operation) => void): () => void {
    const operation = this.find(operationId);
    if (operation.state !== "running") {
      listener(operation);
      return () => {};
    }
    const followers = this.#followers.get(operationId) ?? new Set();
    if (followers.size >= FOLLOWERS_MAX) {
      throw new HiveError("TOO_MANY_REQUESTS", `${FOLLOWERS_MAX} follow this operation already`);
    }
    this.#followers.set(operationId, followers);
    followers.add(listener);
    listener(operation);
    return () => {
      followers.delete(listener);
      if (followers.size === 0) this.#followers.delete(operationId);
    };
  }

  /** Ends what is under way as `interrupted`, and begins nothing more. Takes {@link STOP_WITHIN_MS} at most. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const ends = [...this.#underWay.values()].map(({ abort, ended }) => {
      abort.abort(new HiveError("SHUTTING_DOWN", "The queen stopped before it was done"));
      return ended;
    });
    if (ends.length === 0) return;
    await new Promise<void>((resolve) => {
      const stop = this.#clock.after(STOP_WITHIN_MS, resolve);
      void Promise.all(ends).then(() => {
        stop();
        resolve();
      });
    });
  }

  #changed(operation: RunningOperation): void {
    const { operation_id, hive_id, kind, started_at_ms, steps } = operation;
    const last_step = steps.at(-1)?.name ?? "";
    if (!this.#stopped) {
      this.#note(() => this.#catalog.noteOperation({ operation_id, hive_id, kind, started_at_ms, last_step }));
    }
    this.#tell(operation);
  }

  #ended(operation: RunningOperation): void {
    const { operation_id } = operation;
    this.#underWay.delete(operation_id);
    // What a stop cut off stays noted: the next life tells of it.
    if (!this.#stopped) this.#note(() => this.#catalog.forgetOperation(operation_id));
    this.#tell(operation);
    this.#onNews(operation);
    this.#followers.delete(operation_id);
  }

  #tell(operation: RunningOperation): void {
    for (const follower of this.#followers.get(operation.operation_id) ?? []) follower(snapshotOf(operation));
  }

  /** What is noted is for later; what is being done does not wait for a disk that is full. */
  #note(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#log.warn({ err: error }, "what is under way cannot be noted in the catalog");
    }
  }

  /** What is our own fault may name files: the log gets it, the caller only where to look. */
  readonly #publicError = (error: unknown, { operation_id }: RunningOperation): NonNullable<Operation["error"]> => {
    if (error instanceof HiveError && error.code !== "INTERNAL") return { code: error.code, message: error.message };
    this.#log.error({ err: error, operation_id }, "an operation failed");
    return { code: "INTERNAL", message: `${ERROR_MEANING.INTERNAL} (${operation_id})` };
  };

  #readInterrupted(): void {
    const unfinished = this.#catalog.unfinishedOperations();
    const old = unfinished.slice(0, -INTERRUPTED_MAX);
    for (const { operation_id } of old) this.#catalog.forgetOperation(operation_id);
    for (const { last_step, ...operation } of unfinished.slice(-INTERRUPTED_MAX)) {
      const { started_at_ms } = operation;
      const output_tail = "the queen ended before it did; the same request again finishes the job";
      const steps: Step[] = [{ name: last_step, state: "failed", started_at_ms, output_tail }];
      this.#operations.set(operation.operation_id, { ...operation, state: "interrupted", steps });
    }
  }

  /** Who begins again knows of it. */
  #forgetInterrupted(hiveId: string): void {
    for (const { operation_id, hive_id, state } of this.#operations.values()) {
      if (hive_id !== hiveId || state !== "interrupted") continue;
      this.#note(() => this.#catalog.forgetOperation(operation_id));
    }
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

const snapshotOf = (operation: RunningOperation): Operation => structuredClone(operation);
