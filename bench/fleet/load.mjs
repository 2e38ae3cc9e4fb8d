// Ten thousand hives, each on its own WebSocket, each beating every five seconds. Prints a line of JSON when all are connected
// and known, and another one at the end. node load.mjs PORT SECONDS
import { frameMessage, Sequence } from "../lib/messages.mjs";
import { openSocket, writeFrame } from "../lib/raw-socket.mjs";

const HIVES = 10_000;
const INTERVAL_MS = 5_000;
const TICK_MS = 5;
const CONNECTING_AT_ONCE = 100;

const [port, seconds] = process.argv.slice(2);
const boot = `boot-${Date.now()}`;
const messages = Array.from({ length: HIVES }, (_, hive) => frameMessage(hive, boot, new Sequence()));
const sockets = [];
let refused = 0;
const onText = (text) => {
  if (!text.includes('"accepted":true')) refused++;
};

while (sockets.length < HIVES) {
  const batch = Array.from({ length: CONNECTING_AT_ONCE }, () => openSocket(port, "/api/v1/heartbeat", { onText }));
  sockets.push(...(await Promise.all(batch)));
}

/** Spread evenly: after each tick as many have beaten as should have by then. */
let sent = 0;
const startedAt = performance.now();
const ticker = setInterval(() => {
  const due = ((performance.now() - startedAt) * HIVES) / INTERVAL_MS;
  while (sent < due) {
    const hive = sent++ % HIVES;
    writeFrame(sockets[hive], messages[hive].next());
  }
}, TICK_MS);

await delay(INTERVAL_MS);
process.stdout.write(`${JSON.stringify({ connected: sockets.length })}\n`);
const sentBefore = sent;
const from = performance.now();
await delay(Number(seconds) * 1_000);
const perSecond = ((sent - sentBefore) * 1_000) / (performance.now() - from);
process.stdout.write(`${JSON.stringify({ perSecond, refused })}\n`);
clearInterval(ticker);
for (const socket of sockets) socket.destroy();

function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
