import type { HiveClient, Operation } from "@hive-registry/client";
import type { JsonFlag } from "../deps.ts";
import { EXIT } from "../failure.ts";
import { oneLine } from "../output/text.ts";
import { findHive, orNone, recordOf } from "./find.ts";
import { exitOf, type FollowDeps, followed } from "./follow.ts";
import { isHere } from "./target.ts";

/** How often it is asked whether a hive was heard, ms. */
export const POLL_MS = 200;
/** How long a started hive's first heartbeat is awaited, ms. */
export const HEARTBEAT_WAIT_MS = 60_000;

export interface LifecycleDeps extends FollowDeps {
  readonly client: Pick<
    HiveClient,
    "followOperation" | "catalogHive" | "listCatalog" | "putCatalogHive" | "hive" | Verb
  >;
  nowMs(): number;
  pause(ms: number): Promise<void>;
  /** The id of this machine's hive unless it was told otherwise. */
  readonly hiveId: string;
}

type Verb = "startHive" | "stopHive" | "restartHive" | "installHive" | "updateHive";

/** What each command asks of the queen, and what is said when it is done. */
const VERBS = {
  stop: { call: "stopHive", done: "is stopped" },
  install: { call: "installHive", done: "is installed" },
  update: { call: "updateHive", done: "is up to date" },
} as const;

/**
 * `hive start HOST`: the queen starts the hive; this waits for its first heartbeat. `localhost` is the queen's own machine, and
 * is put into the catalog when it is not there yet.
 */
export async function startHive(deps: LifecycleDeps, host: string, flags: JsonFlag = {}): Promise<number> {
  const hiveId = await cataloged(deps, host);
  return untilHeard(deps, host, hiveId, "startHive", flags);
}

/** `hive restart HOST`. */
export async function restartHive(deps: LifecycleDeps, host: string, flags: JsonFlag = {}): Promise<number> {
  const hiveId = await findHive(deps, host);
  return untilHeard(deps, host, hiveId, "restartHive", flags);
}

/** `hive stop HOST`, `hive install HOST`, `hive update HOST`. */
export async function askMachine(
  deps: LifecycleDeps,
  verb: keyof typeof VERBS,
  host: string,
  flags: JsonFlag = {},
): Promise<number> {
  const hiveId = await findHive(deps, host);
  const { call, done } = VERBS[verb];
  const operation = await followed(deps, host, () => deps.client[call](hiveId), flags);
  if (operation?.state === "succeeded" && !flags.json) deps.print(oneLine(`${hiveId} ${done}`));
  return exitOf(operation);
}

async function untilHeard(
  deps: LifecycleDeps,
  host: string,
  hiveId: string,
  call: "startHive" | "restartHive",
  flags: JsonFlag,
): Promise<number> {
  let url = "";
  const operation = await followed(
    deps,
    host,
    async () => {
      const started = await deps.client[call](hiveId);
      url = started.hive_url;
      return started;
    },
    flags,
  );
  if (operation?.state !== "succeeded") return EXIT.failed;
  if (!(await isHeard(deps, hiveId, operation))) {
    deps.note(oneLine(`${hiveId} was started but has sent no heartbeat. What it said last: hive logs ${hiveId}`));
    return EXIT.failed;
  }
  if (!flags.json) deps.print(oneLine(`${hiveId} runs at ${url}`));
  return EXIT.done;
}

/** On a machine that is reached by ssh the first heartbeat is a step of the operation; on the queen's own it comes afterwards. */
async function isHeard(deps: LifecycleDeps, hiveId: string, { steps }: Operation): Promise<boolean> {
  if (steps.some(({ name }) => name.includes("heartbeat"))) return true;
  const deadlineMs = deps.nowMs() + HEARTBEAT_WAIT_MS;
  while ((await orNone("HIVE_NOT_FOUND", deps.client.hive(hiveId)))?.status !== "alive") {
    if (deps.nowMs() >= deadlineMs) return false;
    await deps.pause(POLL_MS);
  }
  return true;
}

async function cataloged(deps: LifecycleDeps, host: string): Promise<string> {
  const { client, hiveId } = deps;
  if (!isHere(host) && host !== hiveId) return findHive(deps, host);
  if ((await recordOf(client, hiveId)) === undefined) await client.putCatalogHive(hiveId, { host: "127.0.0.1" });
  return hiveId;
}
