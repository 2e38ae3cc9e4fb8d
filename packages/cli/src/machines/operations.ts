import type { HiveClient, Operation } from "@hive-registry/client";
import type { CommandDeps, JsonFlag, Uses } from "../deps.ts";
import { CommandError, EXIT } from "../failure.ts";
import { type Column, table } from "../output/table.ts";
import { oneLine } from "../output/text.ts";
import { duration, took } from "../output/units.ts";
import { shortId } from "./follow.ts";

/** `hive operations`: what goes on at machines, and what went on; newest first. */
export async function operations(
  { client, print, look, nowMs }: Uses<"operations", "print" | "look" | "nowMs">,
  flags: JsonFlag,
): Promise<void> {
  const all = await client.operations();
  if (flags.json) return print(JSON.stringify(all));
  if (all.length === 0) return print("No operations yet. Add a machine with `hive add HOST`.");
  print(table(all, columns(nowMs()), look));
}

function columns(nowMs: number): Column<Operation>[] {
  return [
    { title: "ID", value: (operation) => shortId(operation.operation_id) },
    { title: "WHAT", value: (operation) => operation.kind },
    { title: "HIVE", value: (operation) => operation.hive_id, shrinks: true },
    {
      title: "STATE",
      value: (operation) => operation.state,
      paint: (text, { state }, paint) =>
        state === "succeeded" ? paint.green(text) : state === "running" ? paint.bold(text) : paint.red(text),
    },
    { title: "AGO", align: "right", value: (operation) => duration(nowMs - operation.started_at_ms) },
    {
      title: "TOOK",
      align: "right",
      value: ({ started_at_ms, ended_at_ms }) =>
        ended_at_ms === undefined ? undefined : took(ended_at_ms - started_at_ms),
    },
    { title: "STEP", value: ({ steps }) => steps.at(-1)?.name, shrinks: true },
    { title: "ERROR", value: ({ error }) => error?.code ?? "" },
  ];
}

export interface CancelDeps extends Pick<CommandDeps, "print"> {
  readonly client: Pick<HiveClient, "operations" | "cancelOperation">;
}

/** `hive cancel ID`: by an operation's id, the beginning of one, or the hive on which one goes on. */
export async function cancel({ client, print }: CancelDeps, named: string): Promise<number> {
  const all = await client.operations();
  const found =
    all.find(({ operation_id }) => operation_id === named) ??
    all.find(({ hive_id, state }) => hive_id === named && state === "running") ??
    onlyOne(
      all.filter(({ operation_id }) => operation_id.startsWith(named)),
      named,
    );
  if (found === undefined)
    throw new CommandError(
      `Nothing goes on at ${oneLine(named)}, and no operation has that id. hive operations lists them.`,
    );
  if (found.state !== "running") {
    print(oneLine(`${found.kind} of ${found.hive_id} has ended already: ${found.state}`));
    return EXIT.done;
  }
  await client.cancelOperation(found.operation_id);
  print(oneLine(`${found.kind} of ${found.hive_id} is being cancelled. What was done so far stays.`));
  return EXIT.done;
}

function onlyOne(operations: readonly Operation[], named: string): Operation | undefined {
  if (operations.length < 2) return operations[0];
  throw new CommandError(
    `Several operations begin with ${oneLine(named)}. Write more of its id: hive operations --json`,
  );
}
