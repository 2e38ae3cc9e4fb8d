import { ClientError, type HiveClient, type Operation } from "@hive-registry/client";
import { CommandError, EXIT } from "../failure.ts";
import type { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";

/** How often a running operation is asked about, ms. */
export const POLL_MS = 200;
/** How long one is followed before the command leaves it alone, ms. */
export const FOLLOW_MAX_MS = 60_000;
const FINAL: readonly string[] = ["succeeded", "failed"];

export interface LifecycleDeps {
  readonly client: Pick<HiveClient, "startHive" | "stopHive" | "operation" | "hive" | "catalogHive" | "putCatalogHive">;
  progress(): Progress;
  note(line: string): void;
  nowMs(): number;
  pause(ms: number): Promise<void>;
  /** The id of this machine's hive unless it was told otherwise. */
  readonly hiveId: string;
}

const HERE = new Set(["localhost", "127.0.0.1", "::1"]);

/**
 * `hive start HOST`: the queen starts the hive; this waits for its first heartbeat. `localhost` is the queen's own machine, and
 * is put into the catalog when it is not there yet.
 */
export async function startHive(deps: LifecycleDeps, host: string): Promise<number> {
  const hiveId = idOf(deps, host);
  await cataloged(deps, hiveId, host);
  return withProgress(deps, `starting ${oneLine(hiveId)}`, async (progress) => {
    const { operation_id, hive_url } = await deps.client.startHive(hiveId);
    const operation = await followed(deps, progress, operation_id);
    if (operation.state === "failed") return tellFailure(deps, progress, operation);
    progress.waiting("waiting for its first heartbeat");
    if (await within(deps, async () => (await statusOf(deps, hiveId)) === "alive")) {
      progress.done(oneLine(`${hiveId} runs at ${hive_url}`));
      return EXIT.done;
    }
    const log = `logs/hive-${hiveId}.log in the queen's state folder`;
    progress.failed(oneLine(`${hiveId} was started but has sent no heartbeat. Its log is ${log}.`));
    return EXIT.failed;
  });
}

/** `hive stop HOST`. */
export async function stopHive(deps: LifecycleDeps, host: string): Promise<number> {
  const hiveId = idOf(deps, host);
  return withProgress(deps, `stopping ${oneLine(hiveId)}`, async (progress) => {
    const { operation_id } = await deps.client.stopHive(hiveId);
    const operation = await followed(deps, progress, operation_id);
    if (operation.state === "failed") return tellFailure(deps, progress, operation);
    progress.done(oneLine(`${hiveId} is stopped`));
    return EXIT.done;
  });
}

async function withProgress(
  deps: LifecycleDeps,
  what: string,
  run: (progress: Progress) => Promise<number>,
): Promise<number> {
  const progress = deps.progress();
  progress.waiting(what);
  try {
    return await run(progress);
  } finally {
    progress.end();
  }
}

const idOf = (deps: LifecycleDeps, host: string): string => (HERE.has(host) ? deps.hiveId : host);

async function cataloged({ client, hiveId: ownId }: LifecycleDeps, hiveId: string, host: string): Promise<void> {
  try {
    await client.catalogHive(hiveId);
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "HIVE_NOT_FOUND") throw error;
    if (hiveId !== ownId && !HERE.has(host)) {
      throw new CommandError(
        `${oneLine(host)} is not in the catalog. Only this machine's hive can be started yet: hive start localhost`,
      );
    }
    await client.putCatalogHive(hiveId, { host: "127.0.0.1" });
  }
}

/** Until the operation has ended, or {@link FOLLOW_MAX_MS}. */
async function followed(deps: LifecycleDeps, progress: Progress, operationId: string): Promise<Operation> {
  let operation = await deps.client.operation(operationId);
  const ended = await within(deps, async () => {
    operation = await deps.client.operation(operationId);
    progress.waiting(oneLine(operation.steps.at(-1)?.name ?? operation.kind));
    return FINAL.includes(operation.state);
  });
  if (!ended) {
    throw new CommandError(
      `Not done after ${FOLLOW_MAX_MS / 1_000} s; the queen goes on with it. \`hive ls\` shows what came of it.`,
    );
  }
  return operation;
}

async function within(deps: LifecycleDeps, isSo: () => Promise<boolean>): Promise<boolean> {
  const deadlineMs = deps.nowMs() + FOLLOW_MAX_MS;
  while (!(await isSo())) {
    if (deps.nowMs() >= deadlineMs) return false;
    await deps.pause(POLL_MS);
  }
  return true;
}

async function statusOf({ client }: LifecycleDeps, hiveId: string): Promise<string | undefined> {
  try {
    return (await client.hive(hiveId)).status;
  } catch (error) {
    if (error instanceof ClientError && error.code === "HIVE_NOT_FOUND") return undefined;
    throw error;
  }
}

function tellFailure(deps: LifecycleDeps, progress: Progress, operation: Operation): number {
  const step = operation.steps.findLast((one) => one.state === "failed");
  progress.failed(oneLine(`${operation.error?.code ?? "INTERNAL"}: ${operation.error?.message ?? "it failed"}`));
  if (step !== undefined && step.output_tail !== "") deps.note(step.output_tail);
  return EXIT.failed;
}
