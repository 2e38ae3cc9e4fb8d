import type { HiveStatus, HiveWorker, RouteReply } from "@hive-registry/client";
import { ClientError } from "@hive-registry/client";
import type { JsonFlag, Uses } from "../deps.ts";
import { EXIT } from "../failure.ts";
import { type Column, table } from "../output/table.ts";
import { oneLine } from "../output/text.ts";
import { count } from "../output/units.ts";
import { hasModel, type Ranked, rank } from "./ranking.ts";

/** Of a large fleet so many are looked at: those with the model first, then idle ones. */
export const CONSIDERED_MAX = 2_000;
/** So many losers are shown; `--json` has all that were looked at. */
export const LOSERS_SHOWN_MAX = 20;

type RouteDeps = Uses<"route" | "eachWorker" | "listHives" | "models", "print" | "note" | "look">;

/**
 * `hive route MODEL`: which worker would serve it now, then the others in the order of the rule with their scores.
 * Exits 1 when there is none.
 */
export async function route(deps: RouteDeps, model: string, flags: JsonFlag): Promise<number> {
  const winner = await bestWorker(deps, model);
  const ranked = rank(await considered(deps, model), model, await statuses(deps));
  const losers = ranked.filter((other) => winner === undefined || !isSame(other, winner));
  if (flags.json) {
    const none = { hive_id: null, worker: null, model_loaded: false };
    deps.print(JSON.stringify({ model, ...(winner ?? none), losers }));
    return winner === undefined ? EXIT.failed : EXIT.done;
  }
  if (winner === undefined) {
    deps.note(`No worker can take ${model} now.${await whatToDo(deps, model, losers)}`);
  } else {
    const { worker, hive_id } = winner;
    deps.print(oneLine(`${worker.worker_id} on ${hive_id} serves ${model}: ${worker.url ?? "no URL"}`));
    if (!winner.model_loaded)
      deps.note(`It does not have ${model} loaded: it is only the best that is free. \`hive models\` lists what is.`);
  }
  const shown = winner === undefined ? losers : [...asRanked(ranked, winner), ...losers];
  const lines = shown.slice(0, LOSERS_SHOWN_MAX + 1);
  if (lines.length > 0) deps.print(`\n${table(lines, columnsFor(winner), deps.look)}`);
  if (shown.length > lines.length) deps.print(`… and ${shown.length - lines.length} more (--json has them)`);
  if (shown.length > 0) {
    deps.print(
      "\nThe lowest score wins: GPU use in %, +1000 when degraded, +10000 without the model. Equals take turns.",
    );
  }
  return winner === undefined ? EXIT.failed : EXIT.done;
}

async function bestWorker({ client }: RouteDeps, model: string): Promise<RouteReply | undefined> {
  try {
    return await client.route(model);
  } catch (error) {
    if (error instanceof ClientError && error.code === "NO_WORKER") return undefined;
    throw error;
  }
}

async function considered({ client }: RouteDeps, model: string): Promise<HiveWorker[]> {
  const found: HiveWorker[] = [];
  for await (const candidate of client.eachWorker({ model, limit: CONSIDERED_MAX })) {
    if (found.length >= CONSIDERED_MAX) return found;
    found.push(candidate);
  }
  for await (const candidate of client.eachWorker({ limit: CONSIDERED_MAX })) {
    if (found.length >= CONSIDERED_MAX) break;
    if (!hasModel(candidate.worker, model)) found.push(candidate);
  }
  return found;
}

async function statuses({ client }: RouteDeps): Promise<(hiveId: string) => HiveStatus | undefined> {
  const known = new Map((await client.listHives()).map((hive) => [hive.hive_id, hive.status]));
  return (hiveId) => known.get(hiveId);
}

async function whatToDo({ client }: RouteDeps, model: string, losers: readonly Ranked[]): Promise<string> {
  if (losers.some(({ worker }) => hasModel(worker, model)))
    return " Those that have it are listed here with the reason.";
  const models = (await client.models()).map((known) => known.model);
  if (models.length === 0) return " No worker runs: start one with `hive worker start MODEL.gguf`.";
  return ` No worker has it. There ${models.length === 1 ? "is" : "are"} ${count(models.length, "model")}: \`hive models\` lists them.`;
}

const isSame = (a: HiveWorker, b: HiveWorker): boolean =>
  a.hive_id === b.hive_id && a.worker.worker_id === b.worker.worker_id;

/** The winner with its score; it may have changed, or be gone, since the queen named it. */
const asRanked = (ranked: readonly Ranked[], winner: HiveWorker): Ranked[] =>
  ranked.filter((one) => isSame(one, winner));

function columnsFor(winner: HiveWorker | undefined): Column<Ranked>[] {
  return [
    { title: "", value: (one) => (winner !== undefined && isSame(one, winner) ? "→" : "") },
    { title: "WORKER", value: ({ worker }) => worker.worker_id, shrinks: true },
    { title: "HIVE", value: ({ hive_id }) => hive_id, shrinks: true },
    { title: "MODEL", value: ({ worker }) => worker.model_id ?? worker.models?.[0], shrinks: true },
    { title: "SCORE", align: "right", value: ({ score }) => (score === undefined ? undefined : Math.round(score)) },
    { title: "WHY", value: ({ why }) => why, shrinks: true },
  ];
}
