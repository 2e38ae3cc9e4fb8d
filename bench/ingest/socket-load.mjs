// Sends heartbeats over WebSockets, one hive a socket: full ones, or leases.
import { frameMessage, leaseMessage, Sequence } from "../lib/messages.mjs";
import { openSocket, writeFrame } from "../lib/raw-socket.mjs";

/**
 * The queen answers few heartbeats. One hive in so many asks for an answer to each, and tells by it how far the queen has
 * come: fewer heartbeats are under way than there are hives, so that each one comes alone, as it would from a fleet.
 */
const ANSWERED_EVERY = 25;
const UNANSWERED_MAX = 20;

/** @param {number} port @param {{ firstHive: number, hives: number }} fleet `hives` is a multiple of 25 */
export async function socketLoads(port, { firstHive, hives }) {
  const boot = `boot-${Date.now()}`;
  let running = [];
  let unanswered = 0;
  let taken = 0;
  let next = 0;
  let sending = false;

  const sockets = [];
  for (let at = 0; at < hives; at++) {
    const answers = at % ANSWERED_EVERY === 0;
    sockets.push(await openSocket(port, `/api/v1/heartbeat${answers ? "?ack=every" : ""}`, { onText: answered }));
  }
  const sequences = sockets.map(() => new Sequence());
  const lists = sockets.map((_, at) => frameMessage(firstHive + at, boot, sequences[at]));
  const leases = sockets.map((_, at) => leaseMessage(firstHive + at, boot, sequences[at]));

  function answered(text) {
    if (!text.includes('"accepted":true')) throw new Error(`the queen answered ${text}`);
    // All sockets get an answer to their first.
    if (unanswered === 0) return;
    unanswered--;
    taken += ANSWERED_EVERY;
    if (sending) return;
    sending = true;
    setImmediate(send);
  }
  function send() {
    sending = false;
    while (running.length > 0 && unanswered < UNANSWERED_MAX) sendOne();
  }
  function sendOne() {
    const at = next++ % hives;
    if (at % ANSWERED_EVERY === 0) unanswered++;
    writeFrame(sockets[at], running[at].next());
  }
  const load = (messages) => ({
    start() {
      running = messages;
      send();
    },
    pause() {
      running = [];
    },
    taken: () => taken,
  });

  // A lease is for a hive whose list is known.
  for (const [at, socket] of sockets.entries()) writeFrame(socket, lists[at].next());
  return {
    full: load(lists),
    lease: load(leases),
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
