import type { HiveClient } from "@hive-registry/client";
import { CommandError, EXIT } from "../failure.ts";
import { oneLine } from "../output/text.ts";
import { type FindDeps, findHive, orNone, recordOf } from "./find.ts";
import { exitOf, type FollowDeps, followed } from "./follow.ts";

export interface RemoveDeps extends FindDeps, FollowDeps {
  readonly client: Pick<
    HiveClient,
    "listCatalog" | "catalogHive" | "removeCatalogHive" | "removeHive" | "uninstallHive" | "followOperation"
  >;
  /** Asks a person; undefined where nobody sits. */
  confirm(question: string): Promise<boolean | undefined>;
}

export interface RemoveFlags {
  readonly yes?: boolean;
  /** Only forgets: the machine is left as it is. */
  readonly keep?: boolean;
}

/** `hive rm HOST`: ends the hive, removes what was installed, and forgets it; its join token counts no more. */
export async function removeMachine(deps: RemoveDeps, host: string, flags: RemoveFlags): Promise<number> {
  const { client, print, note } = deps;
  const id = await findHive(deps, host);
  const record = await recordOf(client, id);
  if (record === undefined) throw new CommandError(`${oneLine(id)} is not in the catalog. hive ls lists who is heard.`);
  // What the queen did not put there by ssh she cannot take away by ssh.
  const uninstalls = flags.keep !== true && record.ssh !== undefined;
  const shown = `${oneLine(id)} (${oneLine(record.ssh?.host ?? record.host)})`;
  const question = uninstalls
    ? `End the hive ${shown} and its workers, uninstall it, and forget it?`
    : `Forget ${shown}?`;
  if (!flags.yes && !(await isWanted(deps, question))) {
    note("Nothing was done.");
    return EXIT.failed;
  }
  if (uninstalls) {
    const operation = await followed(deps, host, () => client.uninstallHive(id));
    if (operation?.state !== "succeeded") {
      if (operation !== undefined) note(`To forget it all the same: hive rm ${oneLine(host)} --keep`);
      return exitOf(operation);
    }
  }
  await forget(client, id);
  print(oneLine(`${id} is forgotten${uninstalls ? ", and nothing of it is left there" : ""}`));
  if (!uninstalls) note("A hive that runs there goes on; end it there.");
  return EXIT.done;
}

/** Its record, with its join token, and what was heard of it. Uninstalling may have done either. */
export async function forget(
  client: Pick<HiveClient, "removeCatalogHive" | "removeHive">,
  hiveId: string,
): Promise<void> {
  await orNone("HIVE_NOT_FOUND", client.removeCatalogHive(hiveId));
  await orNone("HIVE_NOT_FOUND", client.removeHive(hiveId));
}

/** @throws {CommandError} wrong usage where nobody sits to be asked. */
export async function isWanted({ confirm }: Pick<RemoveDeps, "confirm">, question: string): Promise<boolean> {
  const answer = await confirm(question);
  if (answer !== undefined) return answer;
  throw new CommandError(`${question} Nobody is there to say so: add --yes.`, EXIT.usage);
}
