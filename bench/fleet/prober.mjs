// Asks for a route again and again, a hundred times a second, and notes how long each answer took. Prints one line of JSON.
// node prober.mjs PORT SECONDS
import { Agent, get } from "node:http";
import { quantile } from "../lib/measure.mjs";
import { modelId } from "../lib/payloads.mjs";

const PERIOD_MS = 10;
const MODELS = 100;

const [port, seconds] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const tookMs = [];
let failed = 0;
let asked = 0;

await new Promise((resolve) => {
  const endsAt = performance.now() + Number(seconds) * 1_000;
  const timer = setInterval(() => {
    if (performance.now() >= endsAt) {
      clearInterval(timer);
      resolve();
    } else ask();
  }, PERIOD_MS);
});
agent.destroy();
const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => quantile(tookMs, share));
process.stdout.write(`${JSON.stringify({ asked, failed, p50, p99, p999, max: Math.max(...tookMs) })}\n`);

function ask() {
  const path = `/api/v1/route?model=${modelId(asked++ % MODELS)}`;
  const startedAt = performance.now();
  const request = get({ host: "127.0.0.1", port, path, agent }, (response) => {
    if (response.statusCode !== 200) failed++;
    response.resume();
    response.on("end", () => tookMs.push(performance.now() - startedAt));
  });
  request.on("error", () => failed++);
}
