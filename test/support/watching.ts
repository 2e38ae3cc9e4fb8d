import type { HiveClient, RegistryEvent, RegistrySnapshot } from "@hive-registry/client";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";

export interface Watching {
  /** All that came so far, in order. */
  readonly changes: readonly (RegistrySnapshot | RegistryEvent)[];
  /** Waits for one that fits, among all that came and will come. */
  sees<T extends RegistrySnapshot | RegistryEvent>(
    what: string,
    fits: (change: RegistrySnapshot | RegistryEvent) => change is T,
  ): Promise<T>;
  sees(
    what: string,
    fits: (change: RegistrySnapshot | RegistryEvent) => boolean,
  ): Promise<RegistrySnapshot | RegistryEvent>;
}

/** Follows the queen's changes until the test ends. Resolves with the first snapshot there. */
export async function watching(client: HiveClient): Promise<Watching> {
  const changes: (RegistrySnapshot | RegistryEvent)[] = [];
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  let failure: unknown;
  const follow = async () => {
    for await (const change of client.watch({}, { signal: stop.signal })) changes.push(change);
  };
  follow().catch((error: unknown) => {
    failure = error;
  });
  const sees = (what: string, fits: (change: RegistrySnapshot | RegistryEvent) => boolean) =>
    eventually(what, () => {
      if (failure !== undefined) throw failure;
      return changes.find(fits);
    });
  await sees("the first snapshot", () => true);
  return { changes, sees } as Watching;
}
