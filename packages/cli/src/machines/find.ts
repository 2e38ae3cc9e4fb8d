import { type CatalogRecord, ClientError, type HiveClient } from "@hive-registry/client";
import { CommandError } from "../failure.ts";
import { oneLine } from "../output/text.ts";
import { hiveIdOf, isHere, parseTarget } from "./target.ts";

export interface FindDeps {
  readonly client: Pick<HiveClient, "listCatalog">;
  /** The id of this machine's hive unless it was told otherwise. */
  readonly hiveId: string;
}

/**
 * The hive that a person means by a machine's name: its id, this machine's own for `localhost`, else the id that `hive add` gives by itself,
 * else the one hive of the catalog that ssh reaches under this name.
 */
export async function findHive({ client, hiveId }: FindDeps, text: string): Promise<string> {
  if (isHere(text)) return hiveId;
  const records = await client.listCatalog();
  if (records.some(({ id }) => id === text)) return text;
  const { host } = parseTarget(text);
  const usual = hiveIdOf(host);
  if (records.some(({ id }) => id === usual)) return usual;
  const [one, another] = records.filter(({ ssh, host: address }) => ssh?.host === host || address === host);
  if (one !== undefined && another === undefined) return one.id;
  if (one === undefined)
    throw new CommandError(`${oneLine(text)} is not in the catalog. Add it: hive add ${oneLine(text)}`);
  throw new CommandError(
    `${oneLine(text)} has several hives: ${oneLine(one.id)}, ${oneLine(another?.id ?? "")}. Name one of them.`,
  );
}

/** The record of a hive; undefined when there is none. */
export function recordOf(client: Pick<HiveClient, "catalogHive">, hiveId: string): Promise<CatalogRecord | undefined> {
  return orNone("HIVE_NOT_FOUND", client.catalogHive(hiveId));
}

/** Undefined in place of one failure. */
export async function orNone<T>(code: string, asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ClientError && error.code === code) return undefined;
    throw error;
  }
}
