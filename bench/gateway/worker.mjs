// A worker that costs next to nothing: it answers prepared bytes, or streams tokens that carry the time at which they were written.
import { createServer } from "node:net";

const ANSWER = JSON.stringify({
  ...{ id: "chatcmpl-1", object: "chat.completion", created: 1, model: "m" },
  choices: [{ index: 0, message: { role: "assistant", content: "Hello from the worker." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 },
});
const REPLY = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`,
);
const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
/** Each stream has a token in every round of so many ms; streams take turns within it. */
const TOKEN_EVERY_MS = 20;

const streams = new Set();
const server = createServer((socket) => {
  socket.setNoDelay(true);
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.latin1Slice();
    for (let end = endOfRequest(received); end !== -1; end = endOfRequest(received)) {
      const request = received.slice(0, end);
      received = received.slice(end);
      answer(socket, request);
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    for (const stream of streams) if (stream.socket === socket) streams.delete(stream);
  });
});

/** Just behind the first whole request; -1 when there is none. Bodies have a length, or come in chunks. */
function endOfRequest(text) {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return -1;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1];
  if (length === undefined) {
    if (!/\r\ntransfer-encoding: chunked/i.test(text.slice(0, headEnd))) return headEnd + 4;
    const end = text.indexOf("\r\n0\r\n\r\n", headEnd);
    return end === -1 ? -1 : end + 7;
  }
  const end = headEnd + 4 + Number(length);
  return text.length < end ? -1 : end;
}

function answer(socket, request) {
  const tokens = /"tokens":(\d+)/.exec(request)?.[1];
  if (tokens === undefined) {
    const delayMs = /"delay_ms":(\d+)/.exec(request)?.[1];
    if (delayMs === undefined) socket.write(REPLY);
    else setTimeout(() => socket.write(REPLY), Number(delayMs));
    return;
  }
  socket.write(STREAM_HEAD);
  streams.add({
    socket,
    left: Number(tokens),
    phase: Math.floor(Math.random() * TOKEN_EVERY_MS),
    at: performance.now(),
  });
}

setInterval(() => {
  const now = performance.now();
  for (const stream of streams) {
    if (now < stream.at + stream.phase) continue;
    stream.at += TOKEN_EVERY_MS;
    const event = `data: {"at":${(performance.timeOrigin + performance.now()).toFixed(3)},"token":" word"}\n\n`;
    stream.socket.write(`${event.length.toString(16)}\r\n${event}\r\n`);
    if (--stream.left > 0) continue;
    stream.socket.write("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    streams.delete(stream);
  }
}, 1);

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
process.on("SIGTERM", () => process.exit(0));
