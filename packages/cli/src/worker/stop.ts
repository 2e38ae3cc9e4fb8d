import type { CommandDeps } from "../deps.ts";
import { chosenHive, type HiveChoice, type HiveDeps } from "../fleet/local-hive.ts";
import { oneLine } from "../output/text.ts";

/** The hive gives a worker 10 s to end by itself. */
const STOP_WAIT_MS = 30_000;

/** `hive worker stop ID`. */
export async function stopWorker(
  deps: HiveDeps & Pick<CommandDeps, "print" | "progress">,
  workerId: string,
  flags: HiveChoice,
): Promise<void> {
  const hive = await chosenHive(deps, flags);
  const progress = deps.progress();
  progress.waiting(`stopping ${oneLine(workerId)}`);
  try {
    await hive.stopWorker(workerId, { timeoutMs: STOP_WAIT_MS });
  } finally {
    progress.end();
  }
  deps.print(oneLine(`${workerId} is stopped.`));
}
