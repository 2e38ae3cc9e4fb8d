// Sends heartbeats over WebSockets, one hive a socket, as fast as the server takes them. Prints one line of JSON.
// node sockets.mjs PORT SERVER_PID BOOT SECONDS full|lease
import { frameMessage, leaseMessage } from "../lib/messages.mjs";
import { measured } from "./measured.mjs";
import { openSocket, writeFrame } from "./raw-socket.mjs";

const HIVES = 1_000;
/**
 * The queen answers few heartbeats. One hive in so many asks for an answer to each, and tells by it how far the queen has
 * come: fewer heartbeats are under way than there are hives, so that each one comes alone, as it would from a fleet.
 */
const ANSWERED_EVERY = 25;
const UNANSWERED_MAX = 20;

const [port, serverPid, boot, seconds, kind] = process.argv.slice(2);
let unanswered = 0;
let taken = 0;
let next = 0;
let waiting = false;

const sockets = await Promise.all(
  Array.from({ length: HIVES }, (_, hive) =>
    hive % ANSWERED_EVERY === 0
      ? openSocket(port, "/api/v1/heartbeat?ack=every", { onText: answered })
      : openSocket(port, "/api/v1/heartbeat"),
  ),
);
// A lease is for a hive whose list is known.
const lists = sockets.map((_, hive) => frameMessage(hive, boot));
const leases = sockets.map((_, hive) => leaseMessage(hive, boot));
for (const [hive, socket] of sockets.entries()) writeFrame(socket, lists[hive].next());
unanswered = HIVES / ANSWERED_EVERY;
const messages = kind === "lease" ? leases : lists;
if (kind === "lease") for (const message of messages) message.next();

await measured({ serverPid, seconds: Number(seconds), count: () => taken });
for (const socket of sockets) socket.destroy();

function answered(text) {
  if (!text.includes('"accepted":true')) throw new Error(`the queen answered ${text}`);
  unanswered--;
  taken += ANSWERED_EVERY;
  if (waiting) return;
  waiting = true;
  setImmediate(send);
}

function send() {
  waiting = false;
  while (unanswered < UNANSWERED_MAX) {
    const hive = next++ % HIVES;
    if (hive % ANSWERED_EVERY === 0) unanswered++;
    writeFrame(sockets[hive], messages[hive].next());
  }
}
