import { ClientError, type HiveAgentClient, type HiveClient } from "@hive-registry/client";
import { CommandError } from "../failure.ts";

export const HIVE_URL_DEFAULT = "http://127.0.0.1:7835";

export interface HiveChoice {
  /** The id of a hive that the queen knows. */
  readonly hive?: string;
}

/** What leads to this machine's hive without asking the queen. */
export interface LocalHive {
  /** Said by its user: an environment variable. */
  readonly url: string | undefined;
  /** Told by the pid file of a hive that runs here. */
  find(): string | undefined;
  /** The id that a hive on this machine has unless told otherwise. */
  readonly hiveId: string;
}

export interface HiveDeps {
  readonly client: Pick<HiveClient, "hive">;
  readonly localHive: LocalHive;
  hiveAt(url: string): HiveAgentClient;
}

/**
 * The hive that `--hive ID` names, or this machine's: as its user says, as its pid file says, as the queen knows it, or at the
 * usual port. Only the first needs a queen.
 */
export async function chosenHive(
  { client, localHive, hiveAt }: HiveDeps,
  choice: HiveChoice,
): Promise<HiveAgentClient> {
  if (choice.hive !== undefined) {
    const { hive_url } = await client.hive(choice.hive);
    if (hive_url !== undefined) return hiveAt(hive_url);
    throw new CommandError(`The hive ${choice.hive} does not tell its address, so it cannot be asked from here.`);
  }
  const known = localHive.url ?? localHive.find();
  if (known !== undefined) return hiveAt(known);
  try {
    const { hive_url } = await client.hive(localHive.hiveId);
    return hiveAt(hive_url ?? HIVE_URL_DEFAULT);
  } catch (error) {
    if (error instanceof ClientError) return hiveAt(HIVE_URL_DEFAULT);
    throw error;
  }
}
