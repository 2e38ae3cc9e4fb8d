// Posts heartbeats as fast as the server answers them. Prints one line of JSON.
// node http.mjs PORT SERVER_PID BOOT SECONDS
import { connect } from "node:net";
import { postMessage } from "../lib/messages.mjs";
import { measured } from "./measured.mjs";

const HIVES = 1_000;
const CONNECTIONS = 32;
const OK = "HTTP/1.1 200";

const [port, serverPid, boot, seconds] = process.argv.slice(2);
const messages = Array.from({ length: HIVES }, (_, hive) => postMessage(hive, boot, port));
let next = 0;
let answered = 0;
const sockets = Array.from({ length: CONNECTIONS }, () => keepPosting());
await measured({ serverPid, seconds: Number(seconds), count: () => answered });
for (const socket of sockets) socket.destroy();

/** One request after the other: the next one when the answer to the last is whole. */
function keepPosting() {
  const socket = connect(Number(port), "127.0.0.1");
  socket.setNoDelay(true);
  let reply = "";
  const post = () => socket.write(messages[next++ % HIVES].next());
  socket.on("connect", post);
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
    answered++;
    post();
  });
  return socket;
}
