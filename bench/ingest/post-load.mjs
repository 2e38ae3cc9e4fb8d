// Posts heartbeats, one after the other on each of a few connections.
import { connect } from "node:net";
import { postMessage, Sequence } from "../lib/messages.mjs";

const CONNECTIONS = 32;
const OK = "HTTP/1.1 200";

/**
 * @param {number} port
 * @param {{ firstHive: number, hives: number }} fleet
 * @returns {{ start(): void, pause(): void, taken(): number, close(): void }} counts what was answered with 200
 */
export function postLoad(port, { firstHive, hives }) {
  const boot = `boot-${Date.now()}`;
  const messages = Array.from({ length: hives }, (_, at) => postMessage(firstHive + at, boot, port, new Sequence()));
  const connections = Array.from({ length: CONNECTIONS }, () => connection(port, answered));
  let running = false;
  let next = 0;
  let taken = 0;

  function answered(post) {
    taken++;
    if (running) post(messages[next++ % hives].next());
  }
  return {
    start() {
      running = true;
      for (const { post } of connections) post(messages[next++ % hives].next());
    },
    pause() {
      running = false;
    },
    taken: () => taken,
    close() {
      for (const { socket } of connections) socket.destroy();
    },
  };
}

/** Calls `onAnswer` with the function that sends the next request, once the answer to the last one is whole. */
function connection(port, onAnswer) {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  const post = (request) => socket.write(request);
  let reply = "";
  socket.on("data", (chunk) => {
    reply += chunk.latin1Slice();
    const bodyAt = reply.indexOf("\r\n\r\n") + 4;
    if (bodyAt < 4) return;
    const length = /content-length: (\d+)/i.exec(reply)?.[1];
    if (!reply.startsWith(OK) || length === undefined || reply.includes('"accepted":false')) {
      throw new Error(`the server answered ${reply}`);
    }
    if (reply.length < bodyAt + Number(length)) return;
    reply = "";
    onAnswer(post);
  });
  return { socket, post };
}
