import { WebSocket } from "ws";
import type { Closed, Connect } from "./connection.ts";
import type { Route } from "./reach.ts";

const HANDSHAKE_LIMIT_MS = 5_000;
/** A queen's replies are small. */
const REPLY_BYTES_MAX = 262_144;

/** Something is there when one of these did not happen. */
const UNREACHABLE = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]);

export const connectWebSocket: Connect = (url, headers, events) => {
  const socket = new WebSocket(url, {
    headers,
    handshakeTimeout: HANDSHAKE_LIMIT_MS,
    maxPayload: REPLY_BYTES_MAX,
    perMessageDeflate: false,
    followRedirects: false,
  });
  let opened = false;
  let done = false;
  let route: Route | undefined;
  const closed = (why: Closed): void => {
    if (done) return;
    done = true;
    events.closed(why);
  };
  socket.on("upgrade", ({ socket: { localAddress, remoteAddress } }) => {
    if (localAddress && remoteAddress) route = { local_address: localAddress, remote_address: remoteAddress };
  });
  socket.on("open", () => {
    opened = true;
    events.opened(route);
  });
  socket.on("message", (data, isBinary) => {
    if (!isBinary) events.message(data.toString());
  });
  socket.on("pong", events.pong);
  socket.on("unexpected-response", (request, response) => {
    closed({ kind: "refused", status: response.statusCode ?? 0 });
    request.destroy();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    const message = error.code ?? error.message;
    if (opened) closed({ kind: "ended", message });
    else if (UNREACHABLE.has(error.code ?? "") || /timed out/i.test(error.message))
      closed({ kind: "unreachable", message });
    else closed({ kind: "not-websocket", message });
    socket.terminate();
  });
  socket.on("close", (code) => closed({ kind: "ended", message: `closed with ${code}` }));
  return {
    send: (text) => socket.send(text, () => {}),
    ping: () => socket.ping(undefined, undefined, () => {}),
    bufferedBytes: () => socket.bufferedAmount,
    close: () => socket.close(1000),
    terminate: () => socket.terminate(),
  };
};
