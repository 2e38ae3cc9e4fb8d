import type { Explanation, Policy, RouteReply } from "@hive-registry/client";
import { ClientError } from "@hive-registry/client";
import type { JsonFlag, Uses } from "../deps.ts";
import { EXIT } from "../failure.ts";
import { table } from "../output/table.ts";
import { oneLine } from "../output/text.ts";
import { count } from "../output/units.ts";
import { columns, RULES } from "./candidates.ts";

/** So many candidates are shown; `--json` has all that the queen tells of. */
export const SHOWN_MAX = 20;

export interface RouteFlags extends JsonFlag {
  /** Also how full each one is. */
  readonly explain?: boolean;
  readonly policy?: Policy;
  readonly backend?: string;
  readonly hive?: string;
  /** `KEY=VALUE` each. */
  readonly label?: readonly string[];
  readonly exclude?: readonly string[];
  readonly session?: string;
}

type RouteDeps = Uses<"route" | "explain" | "hiveWorkers" | "models", "print" | "note" | "look" | "nowMs">;

/**
 * `hive route MODEL [--explain]`: which worker would get the next request, and why not the others. Reserves nothing. Exits 1
 * when there is none.
 */
export async function route(deps: RouteDeps, model: string, flags: RouteFlags): Promise<number> {
  const explanation = await deps.client.explain({ model, ...wishesOf(flags) });
  const { chosen, candidates } = explanation;
  // Without the model a free worker is still better than nothing, unless somebody wanted a certain kind.
  const nearest = chosen === undefined && !hasWishes(flags) ? await freeWorker(deps, model) : undefined;
  const exit = chosen === undefined && nearest === undefined ? EXIT.failed : EXIT.done;
  if (flags.json) {
    deps.print(JSON.stringify(flags.explain ? explanation : await winnerAndLosers(deps, explanation, nearest)));
    return exit;
  }
  if (chosen !== undefined) {
    const winner = candidates.find(({ reason }) => reason === undefined);
    const name = chosen.model === model ? "" : `, which it calls ${chosen.model}`;
    deps.print(oneLine(`${chosen.worker_id} on ${chosen.hive_id} serves ${model}${name}: ${winner?.url ?? "no URL"}`));
  } else if (nearest !== undefined) {
    const { worker, hive_id } = nearest;
    deps.print(oneLine(`${worker.worker_id} on ${hive_id} serves ${model}: ${worker.url ?? "no URL"}`));
    deps.note(`It does not have ${model} loaded: it is only the best that is free. \`hive models\` lists what is.`);
  } else {
    deps.note(`No worker can take ${model} now.${await whatToDo(deps, explanation)}`);
  }
  printCandidates(deps, explanation, flags);
  return exit;
}

function printCandidates({ print, look, nowMs }: RouteDeps, explanation: Explanation, flags: RouteFlags): void {
  const { candidates, left_out, policy } = explanation;
  const shown = candidates.slice(0, SHOWN_MAX);
  if (shown.length === 0) return;
  print(`\n${table(shown, columns(nowMs(), { load: flags.explain === true }), look)}`);
  const more = candidates.length - shown.length + left_out;
  if (more > 0) print(`… and ${more} more${left_out > 0 ? "" : " (--json has them)"}`);
  print(`\n${policy}: ${RULES[policy]} Degraded workers come after all others.`);
}

const wishesOf = ({ policy, backend, hive, label, exclude, session }: RouteFlags) => ({
  ...(policy === undefined ? undefined : { policy }),
  ...(backend === undefined ? undefined : { backend }),
  ...(hive === undefined ? undefined : { hive_id: hive }),
  ...(label === undefined ? undefined : { labels: Object.fromEntries(label.map(keyAndValue)) }),
  ...(exclude === undefined ? undefined : { exclude }),
  ...(session === undefined ? undefined : { session }),
});

const hasWishes = (flags: RouteFlags): boolean => Object.keys(wishesOf(flags)).length > 0;

function keyAndValue(text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}

async function freeWorker({ client }: RouteDeps, model: string): Promise<RouteReply | undefined> {
  try {
    return await client.route(model);
  } catch (error) {
    if (error instanceof ClientError && error.code === "NO_WORKER") return undefined;
    throw error;
  }
}

/** As the queen answers a plain question for the best worker, and the others. */
async function winnerAndLosers(
  { client }: RouteDeps,
  { model, chosen, candidates }: Explanation,
  nearest: RouteReply | undefined,
): Promise<object> {
  const losers = candidates.filter(({ reason }) => reason !== undefined);
  if (nearest !== undefined) return { model, ...nearest, losers };
  if (chosen === undefined) return { model, hive_id: null, worker: null, model_loaded: false, losers };
  const { hive_id, worker_id } = chosen;
  const worker = (await client.hiveWorkers(hive_id)).find((one) => one.worker_id === worker_id) ?? null;
  return { model, hive_id, worker, model_loaded: true, losers };
}

async function whatToDo({ client }: RouteDeps, { candidates }: Explanation): Promise<string> {
  if (candidates.length > 0) return " Those that have it are listed here with the reason.";
  const models = (await client.models()).map((known) => known.model);
  if (models.length === 0) return " No worker runs: start one with `hive worker start MODEL.gguf`.";
  return ` No worker has it. There ${models.length === 1 ? "is" : "are"} ${count(models.length, "model")}: \`hive models\` lists them.`;
}
