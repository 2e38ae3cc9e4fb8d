import type { HiveClient, HiveRuntimeState } from "@hive-registry/client";
import type { CommandDeps, JsonFlag } from "../deps.ts";
import { CommandError, EXIT } from "../failure.ts";
import { oneLine } from "../output/text.ts";
import { count, duration } from "../output/units.ts";

export interface LivenessDeps extends Pick<CommandDeps, "print" | "note"> {
  readonly client: Pick<HiveClient, "stats" | "listHives" | "evictSilent" | "thaw">;
  nowMs(): number;
  /** Asks a person; undefined where nobody sits. */
  confirm(question: string): Promise<boolean | undefined>;
}

export interface EvictFlags extends JsonFlag {
  readonly yes?: boolean;
}

/** Hives that the question names; it counts the others. */
const NAMED_MAX = 10;
const NOBODY = "No hive is silent: there is nothing to forget.";

/**
 * `hive evict`: every hive that is silent now is forgotten, whatever the brakes say. Answers the exit code.
 *
 * @throws {CommandError} wrong usage where nobody sits to be asked.
 */
export async function evict(deps: LivenessDeps, flags: EvictFlags): Promise<number> {
  const { client, print, note } = deps;
  if (!flags.yes) {
    const silent = (await client.listHives()).filter(({ status }) => status === "silent");
    if (silent.length === 0) {
      if (flags.json) print(JSON.stringify({ evicted: 0, hive_ids: [] }));
      else print(NOBODY);
      return EXIT.done;
    }
    if (!(await isWanted(deps, silent))) {
      note("Nothing was done.");
      return EXIT.failed;
    }
  }
  const reply = await client.evictSilent();
  if (flags.json) {
    print(JSON.stringify(reply));
    return EXIT.done;
  }
  if (reply.evicted === 0) {
    print(NOBODY);
    return EXIT.done;
  }
  print(`${count(reply.evicted, "hive")} forgotten: ${named(reply.hive_ids, reply.evicted)}`);
  note(
    "One that beats again is back at once, with its workers. A machine that was added keeps its record: hive rm ends that.",
  );
  return EXIT.done;
}

/** `hive thaw`: silent hives may be evicted again, though most of the fleet fell silent together. */
export async function thaw(
  { client, print, note }: Omit<LivenessDeps, "confirm" | "nowMs">,
  flags: JsonFlag,
): Promise<void> {
  const reply = await client.thaw();
  if (flags.json) return print(JSON.stringify(reply));
  if (!reply.thawed) return print("Nothing is frozen: evictions go on as ever.");
  print("Evictions go on.");
  note("They go slowly. To forget all that are silent at once: hive evict");
}

async function isWanted(deps: LivenessDeps, silent: readonly HiveRuntimeState[]): Promise<boolean> {
  const { liveness } = await deps.client.stats();
  const ids = silent.toSorted((a, b) => a.received_at_ms - b.received_at_ms).map(({ hive_id }) => hive_id);
  const quietestMs = deps.nowMs() - Math.max(...silent.map(({ received_at_ms }) => received_at_ms));
  if (liveness.frozen_until_ms !== undefined)
    deps.note("Most of the fleet fell silent together. Look at the queen's own network first.");
  const question = `Forget ${count(ids.length, "silent hive")} (${named(ids, ids.length)}), none heard for ${duration(quietestMs)}?`;
  const answer = await deps.confirm(question);
  if (answer !== undefined) return answer;
  throw new CommandError(`${question} Nobody is there to say so: add --yes.`, EXIT.usage);
}

function named(ids: readonly string[], total: number): string {
  const shown = ids.slice(0, NAMED_MAX).map(oneLine);
  const others = total - shown.length;
  return `${shown.join(", ")}${others > 0 ? ` and ${others} more` : ""}`;
}
