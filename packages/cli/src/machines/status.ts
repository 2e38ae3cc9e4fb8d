import {
  type CatalogRecord,
  ClientError,
  type HiveClient,
  type HiveDetail,
  type Installed,
} from "@hive-registry/client";
import type { CommandDeps, JsonFlag } from "../deps.ts";
import { CommandError, EXIT } from "../failure.ts";
import { harmless, oneLine } from "../output/text.ts";
import { count, duration } from "../output/units.ts";
import { adviceFor } from "./advice.ts";
import { type FindDeps, findHive, orNone, recordOf } from "./find.ts";

export interface StatusDeps extends FindDeps, Pick<CommandDeps, "print" | "note" | "nowMs"> {
  readonly client: Pick<HiveClient, "listCatalog" | "catalogHive" | "hive" | "machineStatus">;
}

/** A machine is asked by ssh, which may have to connect first, ms. */
const ASK_MACHINE_MS = 60_000;

/** `hive status HOST`: what the catalog has, what the queen hears, and what the machine itself says. Exits 1 when it cannot be asked. */
export async function machineStatus(deps: StatusDeps, host: string, flags: JsonFlag): Promise<number> {
  const { client, print, note } = deps;
  const id = await findHive(deps, host);
  const [record, hive] = await Promise.all([recordOf(client, id), orNone("HIVE_NOT_FOUND", client.hive(id))]);
  if (record === undefined && hive === undefined) {
    throw new CommandError(`Nobody knows ${oneLine(id)}. Add it: hive add ${oneLine(host)}`);
  }
  const asked = record?.ssh === undefined ? {} : await askMachine(client, id);
  if (flags.json) print(JSON.stringify({ hive_id: id, record, hive, ...asked }));
  else for (const [name, text] of lines(deps, id, record, hive, asked)) print(oneLine(`${name.padEnd(10)}${text}`));
  if (asked.error === undefined) return EXIT.done;
  const advice = adviceFor(asked.error.code, host, id);
  if (advice !== undefined) note(advice);
  return EXIT.failed;
}

interface Asked {
  readonly machine?: Installed;
  readonly error?: { readonly code: string; readonly message: string };
}

async function askMachine(client: StatusDeps["client"], id: string): Promise<Asked> {
  try {
    return { machine: await client.machineStatus(id, { timeoutMs: ASK_MACHINE_MS }) };
  } catch (error) {
    if (!(error instanceof ClientError) || error.code === "QUEEN_UNREACHABLE") throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

function* lines(
  { nowMs }: StatusDeps,
  id: string,
  record: CatalogRecord | undefined,
  hive: HiveDetail | undefined,
  { machine, error }: Asked,
): Generator<[string, string]> {
  yield ["hive", id];
  if (record !== undefined) yield ["address", `${record.host}, port ${record.port}`];
  if (record?.ssh !== undefined) yield ["ssh", `${record.ssh.user}@${record.ssh.host}, port ${record.ssh.port}`];
  const labels = Object.entries(record?.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  if (labels.length > 0) yield ["labels", labels.join(" ")];
  if (hive === undefined) yield ["heard", "not since the queen runs"];
  else {
    yield [
      "heard",
      `${hive.status}, ${duration(nowMs() - hive.received_at_ms)} ago, ${count(hive.worker_count, "worker")}`,
    ];
  }
  if (error !== undefined) yield ["machine", `${error.message} (${error.code})`];
  if (machine === undefined) return;
  yield ["installed", `${machine.version}${machine.service ? ", as a service of the user" : ""}`];
  const since = machine.since_ms === undefined ? "" : ` since ${new Date(machine.since_ms).toISOString()} by its clock`;
  yield ["process", machine.running ? `runs on port ${machine.port}${since}` : "does not run"];
  yield ["queen", machine.queen_url];
}

export interface HiveLogsDeps extends FindDeps, Pick<CommandDeps, "note"> {
  readonly client: Pick<HiveClient, "listCatalog" | "hiveLogs">;
  write(text: string): void;
  readonly isTerminal: boolean;
}

/** `hive logs HOST`: the end of the log of a machine's hive. */
export async function hiveLogs(
  deps: HiveLogsDeps,
  host: string,
  flags: { readonly tailBytes?: number },
): Promise<number> {
  const id = await findHive(deps, host);
  try {
    const query = flags.tailBytes === undefined ? {} : { tail_bytes: flags.tailBytes };
    const text = await deps.client.hiveLogs(id, query, { timeoutMs: ASK_MACHINE_MS });
    if (text === "") deps.note(oneLine(`${id} has written no log yet.`));
    // A file gets it as it is.
    deps.write(deps.isTerminal ? harmless(text) : text);
    return EXIT.done;
  } catch (error) {
    const advice = error instanceof ClientError ? adviceFor(error.code, host, id) : undefined;
    if (!(error instanceof ClientError) || advice === undefined) throw error;
    deps.note(`${oneLine(error.message)} (${error.code})`);
    deps.note(advice);
    return EXIT.failed;
  }
}
