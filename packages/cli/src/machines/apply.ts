import { ClientError, type HiveClient, type Operation } from "@hive-registry/client";
import type { ObservedHive, PlannedAction, WantedMachine } from "@hive-registry/lifecycle/fleet";
import type { CommandDeps, JsonFlag } from "../deps.ts";
import { EXIT } from "../failure.ts";
import type { Paint } from "../output/paint.ts";
import type { Progress } from "../output/progress.ts";
import { type Column, table } from "../output/table.ts";
import { oneLine } from "../output/text.ts";
import { count, took } from "../output/units.ts";
import { failureLines } from "./follow.ts";
import { forget, isWanted, type RemoveDeps } from "./remove.ts";

/** Machines that are worked on at once. */
export const APPLY_AT_ONCE = 8;

export interface ApplyDeps extends Pick<CommandDeps, "print" | "note" | "look" | "nowMs">, Pick<RemoveDeps, "confirm"> {
  readonly client: Pick<
    HiveClient,
    "listCatalog" | "listHives" | "addMachine" | "putCatalogHive" | Following | Removing
  >;
  /** The machines that the file names. */
  wanted(): readonly WantedMachine[];
  /** Taken from lifecycle, which loads the schemas of what travels: other commands start without. */
  plan(
    wanted: readonly WantedMachine[],
    observed: readonly ObservedHive[],
    options: { readonly prune: boolean },
  ): PlannedAction[];
  progress(): Progress;
  /** For lines about what is done: on stderr. */
  readonly paint: Paint;
  interruptible(): { readonly signal: AbortSignal; end(): void };
}

type Following = "followOperation" | "uninstallHive";
type Removing = "removeCatalogHive" | "removeHive";

export interface ApplyFlags extends JsonFlag {
  readonly prune?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

type Work = Exclude<PlannedAction, { readonly action: "nothing" }>;

interface Result {
  readonly hive_id: string;
  readonly action: Work["action"];
  readonly ok: boolean;
  readonly error?: { readonly code: string; readonly message: string };
}

/** `hive apply`: makes the fleet as hives.conf says, after it has shown what that takes. Exits 1 when a machine failed. */
export async function apply(deps: ApplyDeps, flags: ApplyFlags): Promise<number> {
  const planned = await planFor(deps, flags);
  const works = planned.filter((one): one is Work => one.action !== "nothing");
  const asWanted = planned.length - works.length;
  const show = flags.json ? deps.note : deps.print;
  if (works.length > 0) show(table(works, COLUMNS, deps.look));
  if (works.length === 0 || flags.dryRun) {
    if (flags.json) deps.print(JSON.stringify({ plan: planned, results: [] }));
    else
      deps.print(
        works.length === 0 ? `Nothing to do: ${count(asWanted, "machine")} as wanted.` : "Nothing was changed.",
      );
    return EXIT.done;
  }
  if (!flags.yes && !(await isWanted(deps, `Do this to ${count(works.length, "machine")}?`))) {
    deps.note("Nothing was done.");
    return EXIT.failed;
  }
  const results = await doAll(deps, works);
  const failed = results.filter(({ ok }) => !ok).length;
  const left = works.length - results.length;
  if (flags.json) deps.print(JSON.stringify({ plan: planned, results }));
  else {
    const parts = [`${results.length - failed} done`, `${failed} failed`, `${asWanted} as wanted before`];
    deps.print(`${[...parts, ...(left === 0 ? [] : [`${left} not waited for`])].join(", ")}.`);
  }
  if (failed > 0 || left > 0) deps.note("The same again does what is left: hive apply");
  return failed > 0 || left > 0 ? EXIT.failed : EXIT.done;
}

async function planFor({ client, wanted, plan }: ApplyDeps, { prune = false }: ApplyFlags): Promise<PlannedAction[]> {
  const machines = wanted();
  const [records, hives] = await Promise.all([client.listCatalog(), client.listHives()]);
  const heard = new Set(hives.filter(({ status }) => status !== "silent").map(({ hive_id }) => hive_id));
  return plan(
    machines,
    records.map((record) => ({ record, alive: heard.has(record.id) })),
    { prune },
  );
}

const SAID: Readonly<Record<Work["action"], (work: Work) => string>> = {
  add: () => "not in the catalog",
  change: (work) => ("because" in work ? work.because.join(", ") : ""),
  label: (work) => ("because" in work ? work.because.join(", ") : ""),
  start: () => "in the catalog, and silent",
  remove: () => "not named in the file",
};

const COLUMNS: Column<Work>[] = [
  { title: "HIVE", value: ({ id }) => id },
  {
    title: "DO",
    value: ({ action }) => action,
    paint: (text, { action }, paint) => (action === "remove" ? paint.red(text) : paint.bold(text)),
  },
  { title: "BECAUSE", value: (work) => SAID[work.action](work), shrinks: true },
];

const DONE: Readonly<Record<Work["action"], string>> = {
  ...{ add: "added", change: "changed", label: "labelled", start: "started", remove: "removed" },
};

/** {@link APPLY_AT_ONCE} at a time, in the plan's order; after Ctrl-C none is begun, and what the queen has begun goes on. */
async function doAll(deps: ApplyDeps, works: readonly Work[]): Promise<Result[]> {
  const { note, paint, nowMs } = deps;
  const { signal, end } = deps.interruptible();
  const progress = deps.progress();
  const results: Result[] = [];
  const going = new Set<string>();
  const waiting = [...works];
  const look = () =>
    progress.waiting(`${results.length} of ${works.length} done; at work: ${oneLine([...going].join(", "))}`);
  const tell = (work: Work, failure: readonly string[] | undefined, tookMs: number) => {
    progress.end();
    const mark = failure === undefined ? paint.green("✓") : paint.red("✗");
    const [first = "", ...more] = failure ?? [DONE[work.action]];
    note(`${mark} ${oneLine(work.id)}  ${first}  ${paint.dim(took(tookMs))}`);
    for (const line of more) note(`    ${line}`);
  };
  const worker = async () => {
    for (let work = waiting.shift(); work !== undefined && !signal.aborted; work = waiting.shift()) {
      going.add(work.id);
      look();
      const startedMs = nowMs();
      try {
        const operation = await doOne(deps, work, signal);
        const ok = operation === undefined || operation.state === "succeeded";
        const { error } = operation ?? {};
        tell(work, ok ? undefined : failureLines(operation as Operation, nameOf(work)), nowMs() - startedMs);
        results.push({ hive_id: work.id, action: work.action, ok, ...(error === undefined ? {} : { error }) });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ClientError)) throw error;
        tell(work, [`${oneLine(error.message)} (${oneLine(error.code)})`], nowMs() - startedMs);
        results.push({
          ...{ hive_id: work.id, action: work.action, ok: false },
          error: { code: error.code, message: error.message },
        });
      }
      going.delete(work.id);
      if (going.size > 0) look();
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(APPLY_AT_ONCE, works.length) }, worker));
  } finally {
    progress.end();
    end();
  }
  if (signal.aborted) note("The queen goes on with what was begun: hive operations");
  return results;
}

/** The operation as it ended; undefined where there was none and all went well. */
async function doOne({ client }: ApplyDeps, work: Work, signal: AbortSignal): Promise<Operation | undefined> {
  if (work.action === "label") {
    await relabel(client, work.id, work.labels);
    return undefined;
  }
  const begin = () =>
    work.action === "remove" ? client.uninstallHive(work.id) : client.addMachine(work.id, work.machine);
  const { operation_id } = await begin().catch((error) => afterTheOther(client, error, begin, signal));
  const operation = await endOf(client, operation_id, signal);
  if (work.action === "remove" && operation.state === "succeeded") await forget(client, work.id);
  return operation;
}

/** What somebody began before, this command itself perhaps, is awaited first. */
async function afterTheOther<T>(
  client: ApplyDeps["client"],
  error: unknown,
  begin: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const details = error instanceof ClientError && error.code === "ALREADY_RUNNING" ? error.details : undefined;
  const other = (details as { readonly operation_id?: unknown } | undefined)?.operation_id;
  if (typeof other !== "string") throw error;
  await endOf(client, other, signal);
  return begin();
}

async function endOf(client: ApplyDeps["client"], operationId: string, signal: AbortSignal): Promise<Operation> {
  let last: Operation | undefined;
  for await (last of client.followOperation(operationId, { signal }));
  if (last === undefined) throw new ClientError("BAD_REPLY", "The queen told nothing of the operation");
  return last;
}

/** As it is, with other labels. */
async function relabel(
  client: ApplyDeps["client"],
  id: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const record = (await client.listCatalog()).find((one) => one.id === id);
  if (record === undefined) throw new ClientError("HIVE_NOT_FOUND", `${id} has left the catalog meanwhile`);
  const { host, port, ssh } = record;
  await client.putCatalogHive(id, { host, port, ...(ssh === undefined ? {} : { ssh }), labels });
}

const nameOf = (work: Work): string => ("machine" in work ? work.machine.ssh.host : work.id);
