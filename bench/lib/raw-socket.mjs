// A WebSocket's client side, no more than a load needs: a finished frame goes out as it is.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

/**
 * @param {string | number} port on this machine
 * @param {string} path
 * @param {{ onText?: (text: string) => void }} [options] `onText` gets each text message; they must be shorter than 126 bytes
 */
export async function openSocket(port, path, { onText = () => {} } = {}) {
  const socket = connect(Number(port), "127.0.0.1");
  socket.setNoDelay(true);
  await once(socket, "connect");
  const head = [
    `GET ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${randomBytes(16).toString("base64")}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  let [received] = await once(socket, "data");
  if (!received.latin1Slice().startsWith("HTTP/1.1 101")) throw new Error(`no WebSocket: ${received.latin1Slice()}`);
  received = received.subarray(received.indexOf("\r\n\r\n") + 4);
  const read = (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received[1]) {
      onText(received.latin1Slice(2, 2 + received[1]));
      received = received.subarray(2 + received[1]);
    }
  };
  socket.on("data", read);
  return socket;
}

/** Writes a frame that will be written into again: nothing of it may wait in this process. */
export function writeFrame(socket, frame) {
  if (socket.writableLength > 0) throw new Error("the server reads too slowly for this load");
  socket.write(frame);
}
