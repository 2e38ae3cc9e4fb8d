// Asks for a route again and again, a hundred times a second, and notes how long each answer took, and how late its own
// timer came: this process does next to nothing, so that is what the machine does to anybody. Prints one line of JSON.
// node prober.mjs PORT SECONDS
import { Agent, get } from "node:http";
import { quantile } from "../lib/measure.mjs";
import { modelId } from "../lib/payloads.mjs";

const PERIOD_MS = 10;
const MODELS = 100;

const [port, seconds] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const tookMs = [];
const lateMs = [];
let failed = 0;
let asked = 0;

await new Promise((resolve) => {
  const endsAt = performance.now() + Number(seconds) * 1_000;
  let dueAt = performance.now() + PERIOD_MS;
  const tick = () => {
    const now = performance.now();
    lateMs.push(now - dueAt);
    dueAt = Math.max(dueAt, now - PERIOD_MS) + PERIOD_MS;
    if (now >= endsAt) {
      resolve();
      return;
    }
    ask();
    setTimeout(tick, dueAt - performance.now());
  };
  setTimeout(tick, PERIOD_MS);
});
agent.destroy();
const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => quantile(tookMs, share));
const late = { p50: quantile(lateMs, 0.5), p99: quantile(lateMs, 0.99), max: Math.max(...lateMs) };
process.stdout.write(`${JSON.stringify({ asked, failed, p50, p99, p999, max: Math.max(...tookMs), late })}\n`);

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
