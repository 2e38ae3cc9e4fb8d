import { oneLine } from "../output/text.ts";
import { duration } from "../output/units.ts";
import type { UpState } from "./state.ts";

export const QUEEN_URL_DEFAULT = "http://127.0.0.1:7833";

/** How this user calls the command: `hive`, or `npx hive` in the workspace. */
export interface Names {
  readonly command: string;
  /** Where this user keeps the token: shown commands take it from there. It is never shown itself. */
  readonly token: { readonly file: string } | "environment" | undefined;
}

/** Where it is and what to try next: the last thing that `hive up` prints. */
export function whatToTry(state: UpState, { command, token }: Names): string {
  const queen = state.queen?.url ?? QUEEN_URL_DEFAULT;
  const file = typeof token === "object" ? token.file : undefined;
  const flag = `${queen === QUEEN_URL_DEFAULT ? "" : ` --queen ${queen}`}${file === undefined ? "" : ` --token-file ${quoted(file)}`}`;
  const { worker } = state;
  if (worker === undefined) {
    return [
      "",
      `The queen is at ${queen}. ${state.problem ?? "No worker runs yet."}`,
      "",
      "Start a worker, then talk to it:",
      `  ${command} worker start /path/to/MODEL.gguf${flag}`,
      `  ${command} chat${flag}`,
    ].join("\n");
  }
  const bearer = file === undefined ? "$HIVE_TOKEN" : `$(cat ${quoted(file)})`;
  const header = token === undefined ? "" : `-H "authorization: Bearer ${bearer}" `;
  return [
    "",
    `The queen is at ${queen} (in a browser: the dashboard${token === undefined ? "" : ", which asks for the token"})`,
    "",
    "Three things to try:",
    `  curl ${header}'${queen}/api/v1/route?model=${encodeURIComponent(worker.model)}'`,
    `  ${command} chat${flag} ${quoted(worker.model)} "What are you?"`,
    `  new OpenAI({ baseURL: "${queen}/v1", apiKey: ${token !== undefined ? "process.env.HIVE_TOKEN" : '"none"'} })  // model: ${JSON.stringify(oneLine(worker.model))}`,
  ].join("\n");
}

/** What a second `hive up` says. */
export function alreadyRuns(state: UpState, nowMs: number, { command }: Names): string {
  const { queen, hive, worker } = state;
  return [
    `hive up runs already (process ${state.up.pid}, for ${duration(nowMs - state.up.started_at_ms)}${state.phase === "ready" ? "" : `, ${state.phase}`}).`,
    queen === undefined ? undefined : `  queen  ${queen.url ?? "starting"} (process ${queen.process.pid})`,
    hive === undefined
      ? undefined
      : `  hive   ${hive.url ?? "starting"} (${hive.hive_id === undefined ? "" : `${hive.hive_id}, `}process ${hive.process.pid})`,
    worker === undefined ? undefined : `  worker ${worker.url} (${worker.worker_id}, ${worker.model})`,
    `${command} down  stops it.`,
  ]
    .filter((line) => line !== undefined)
    .map(oneLine)
    .join("\n");
}

const quoted = (word: string): string => (/^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
