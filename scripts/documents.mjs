// The documents that are made from the code, as texts. Needs the compiled packages.
import { PROCESS_FAMILIES } from "../packages/command/dist/metrics.js";
import { ERROR_MEANING, ERROR_STATUS } from "../packages/contract/dist/index.js";
import { openApi } from "../packages/hive/dist/http/openapi.js";
import { HIVE_FAMILIES } from "../packages/hive/dist/observability/families.js";
import { serveQueen, VERSION } from "../packages/queen/dist/index.js";
import { FAMILIES } from "../packages/queen/dist/observability/families.js";
import { API_ERROR } from "../packages/worker/dist/errors.js";
import { WORKER_FAMILIES } from "../packages/worker/dist/http/metrics.js";

/** What the worker's codes mean; `errorsPage` holds them against the worker's own table. */
const WORKER_MEANING = {
  INVALID_REQUEST: "A field is missing, of the wrong type or out of range. `param` names it.",
  UNSUPPORTED_PARAMETER: "The worker cannot do what this parameter asks for. Leave it out.",
  CONTEXT_TOO_LONG:
    "The prompt is longer than the context of one slot. Shorten it, or start the worker with more context.",
  UNAUTHORIZED: "The token is missing or wrong: it is the API key.",
  FORBIDDEN:
    "A web page of another site asked a worker that has no API key. Give the worker one, or ask from this machine.",
  MODEL_NOT_FOUND: "This worker serves another model. `GET /v1/models` names it.",
  ROUTE_NOT_FOUND: "No such path.",
  METHOD_NOT_ALLOWED: "The path exists, the method does not.",
  BODY_TOO_LARGE: "The body is larger than this route takes.",
  INTERNAL: "A defect of ours, or of the engine. The worker's log has the reason.",
  NOT_SUPPORTED: "This model cannot do that: an embedding model writes no text.",
  LOADING: "The model is still being loaded. Wait for `retry-after` seconds.",
  DRAINING: "The worker is about to stop and takes nothing new. Ask the queen for another.",
  QUEUE_FULL: "All slots are taken and so are the places to wait. Ask the queen for another worker, or wait.",
};

/** Each file under the repository's root, and what it must hold. */
export async function documents() {
  return {
    "docs/reference/errors.md": errorsPage(),
    "docs/reference/metrics.md": metricsPage(),
    "docs/reference/openapi.json": json(await queenOpenApi()),
    "docs/reference/hive-openapi.json": json(openApi(VERSION)),
  };
}

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

/** As a queen serves it. */
async function queenOpenApi() {
  const queen = await serveQueen(
    { log: silentLog },
    {
      ...{ port: 0, listen: "127.0.0.1", catalog: "memory", stateDir: "", tokenFile: undefined, token: undefined },
      ...{ heartbeatIntervalMs: 5_000, maxHeartbeatsPerSecond: 5_000, evictAfterMs: 0 },
    },
  );
  try {
    return await (await fetch(`${queen.url}/openapi.json`, { headers: { connection: "close" } })).json();
  } finally {
    await queen.stop();
  }
}

const nothing = () => {};
const silentLog = {
  ...{ level: "silent", fatal: nothing, error: nothing, warn: nothing, info: nothing, debug: nothing, trace: nothing },
  ...{ silent: nothing, child: () => silentLog },
};

function errorsPage() {
  const missing = Object.keys({ ...API_ERROR, ...WORKER_MEANING }).filter(
    (code) => !(code in API_ERROR && code in WORKER_MEANING),
  );
  if (missing.length > 0) throw new Error(`scripts/documents.mjs and packages/worker/src/errors.ts differ: ${missing}`);
  const ours = Object.entries(ERROR_STATUS).map(([code, status]) => [`\`${code}\``, status, ERROR_MEANING[code]]);
  const workers = Object.entries(API_ERROR).map(([key, { code, status, type }]) => [
    `\`${code}\``,
    status,
    `\`${type}\``,
    WORKER_MEANING[key],
  ]);
  return `<!-- Made from packages/contract/src/errors.ts and packages/worker/src/errors.ts by \`npm run docs\`. Do not edit. -->

# Errors

A code is for programs and stays. A message is for people and may change.

## Of the queen and of a hive

A failed reply has the status of its code and this body:

\`\`\`json
{"error":{"code":"INVALID_REQUEST","message":"The request is not valid: /workers/0 must have required properties state","details":[{"path":"/workers/0","message":"must have required properties state"}]}}
\`\`\`

\`details\` is there when a code has more to say. The queen's replies with status 503 carry \`retry-after\`, in seconds. A
watch stream tells the same body in an event \`error\`; a heartbeat over WebSocket in the field \`error\` of its reply.

${table(["code", "status", "what it means, and what to do"], ours)}

## Of a worker

The bundled worker answers as OpenAI does, so that OpenAI's clients understand it:

\`\`\`json
{ "error": { "message": "…", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded" } }
\`\`\`

A failure after the first byte of a stream is an event with the same body.

${table(["code", "status", "type", "what it means, and what to do"], workers)}

## Of the client library

\`ClientError\` hands on the server's \`code\`, \`message\`, \`status\` and \`details\`. Where no server could say anything, the code is
\`QUEEN_UNREACHABLE\`, \`HIVE_UNREACHABLE\`, \`WORKER_UNREACHABLE\`, \`TIMEOUT\`, \`BAD_REPLY\` or \`STREAM_CUT\`, as above.

## Of the command line

${table(
  ["exit code", "meaning"],
  [
    ["0", "done"],
    ["1", "failed: the last line on stderr says why, with the code"],
    ["2", "wrong usage"],
    ["3", "no queen was reached: the message says how to start one"],
  ],
)}
`;
}

function metricsPage() {
  const families = (list) =>
    table(
      ["metric", "kind", "labels", "what it is"],
      list.map(({ name, kind, labels, help }) => [`\`${name}\``, kind, labels.join(", "), help]),
    );
  return `<!-- Made from the families in packages/queen, hive, worker and command by \`npm run docs\`. Do not edit. -->

# Metrics

\`GET /metrics\` on the queen, on each hive and on each bundled worker, in Prometheus' text format. [How to scrape them, a dashboard, and
alerts](../guide/alerts.md). With a token they are asked for it, like every route but \`/healthz\` of queen and hive and \`/health\` of a worker.

Names follow [Prometheus' conventions](https://prometheus.io/docs/practices/naming/): base units, ratios from 0 to 1, \`_total\` for counters.
Numbers are read at the moment of asking; one that is not known is absent. Series are bounded: each model has its own up to a number, the rest is
\`(others)\`; hives and workers have theirs while the fleet is not larger than \`metrics_hives_max\` and \`metrics_workers_max\`
([settings of the queen](../../packages/queen/README.md#settings)).

## Of the queen

${families(FAMILIES)}

## Of a hive

${families(HIVE_FAMILIES)}

## Of a worker

Of the bundled one; other servers have their own names.

${families(WORKER_FAMILIES)}

## Of the process, in all three

${families(PROCESS_FAMILIES)}
`;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
