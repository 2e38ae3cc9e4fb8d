// Pairs of the same request, once with fetch to the worker and once through the client, in turn first and second.
// Prints for each delay and way what each took, ms.
import { connect } from "@hive-registry/client";

const [queenPort, workerPort] = process.argv.slice(2);
const CASES = [
  { delayMs: 0, pairs: 3_000 },
  { delayMs: 5, pairs: 600 },
  { delayMs: 10, pairs: 400 },
  { delayMs: 20, pairs: 200 },
];
/** Of each case, not counted: connections are opened, code is compiled. */
const WARM_UP = 100;
const PATH = "/v1/chat/completions";

const worker = `http://127.0.0.1:${workerPort}`;
const local = connect(`http://127.0.0.1:${queenPort}`);
const queen = connect(`http://127.0.0.1:${queenPort}`, { coordination: "queen" });
await Promise.all([local.ready, queen.ready]);

const messages = [{ role: "user", content: "Why is the sky blue? ".repeat(20) }];
const WAYS = {
  direct: (init) => fetch(`${worker}${PATH}`, init),
  local: (init) => local.fetch(PATH, init),
  queen: (init) => queen.fetch(PATH, init),
};

async function timed(way, delayMs) {
  const headers = { "content-type": "application/json", "x-bench-delay-ms": String(delayMs) };
  const startedAt = performance.now();
  const response = await WAYS[way]({ method: "POST", headers, body: JSON.stringify({ model: "bench", messages }) });
  const { choices } = await response.json();
  const ms = performance.now() - startedAt;
  if (choices[0].finish_reason !== "stop") throw new Error("not the worker's answer");
  return ms;
}

const results = [];
for (const { delayMs, pairs } of CASES) {
  const taken = { direct: [], local: [], queen: [] };
  for (let pair = -WARM_UP; pair < pairs; pair++) {
    const ways = Object.keys(WAYS);
    // Whoever comes first in one round comes last in another.
    const order = ways.map((_, at) => ways[(at + Math.abs(pair)) % ways.length]);
    for (const way of order) {
      const ms = await timed(way, delayMs);
      if (pair >= 0) taken[way].push(ms);
    }
  }
  results.push({ delayMs, taken });
}
await Promise.all([local.close(), queen.close()]);
console.log(JSON.stringify(results));
