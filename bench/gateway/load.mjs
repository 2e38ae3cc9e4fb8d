// Asks through each way in turn: as many short requests as come through, then requests that take a while, then many long streams.
// Prints what was measured as one line of JSON.
// node load.mjs ROUNDS NAME:PORT:PID …
import { connect } from "node:net";
import { cpuMs } from "../lib/programs.mjs";

const CONCURRENCY = 32;
/** Until the compiler has seen enough of each of them. */
const WARM_MS = 6_000;
const SLICE_MS = 1_000;
/** As a short inference takes: then nobody is at the end of what they can do, and what is added shows. */
const DELAY_MS = 20;
/** At most so long a client waits before its next request; without it all would march in step, and wait for each other. */
const THINK_MS = 10;
const DELAYED_ROUNDS = 6;
const STREAMS = 200;
const TOKENS = 250;
const STREAM_ROUNDS = 3;

const [rounds, ...named] = process.argv.slice(2);
const ways = named.map((one) => {
  const [name, port, pid] = one.split(":");
  return { name, port: Number(port), pid: Number(pid) };
});

const results = Object.fromEntries(ways.map(({ name }) => [name, { slices: [], delayed: [], streams: [] }]));
for (const way of ways) await requests(way, WARM_MS);
for (let round = 0; round < Number(rounds); round++) {
  for (const way of turned(ways, round)) results[way.name].slices.push(await requests(way, SLICE_MS));
}
for (let round = 0; round < DELAYED_ROUNDS; round++) {
  for (const way of turned(ways, round)) {
    results[way.name].delayed.push(await requests(way, SLICE_MS, { delayMs: DELAY_MS, thinkMs: THINK_MS }));
  }
}
for (let round = 0; round < STREAM_ROUNDS; round++) {
  for (const way of turned(ways, round)) results[way.name].streams.push(await streams(way));
}
process.stdout.write(JSON.stringify(results));

/** Everybody is first, last and after everybody else some time. */
function turned(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function requestText(port, fields) {
  const messages = [
    { role: "system", content: "You are a helpful assistant. ".repeat(20) },
    { role: "user", content: "What is a queen, and what does she do all day?" },
  ];
  const body = JSON.stringify({ model: "m", messages, temperature: 0.7, max_tokens: 256, ...fields });
  const head = [
    ...["POST /v1/chat/completions HTTP/1.1", `host: 127.0.0.1:${port}`, "authorization: Bearer none"],
    ...["content-type: application/json", "accept: application/json", "user-agent: OpenAI/JS 6.0.0"],
    ...["x-stainless-lang: js", "x-stainless-runtime: node", `content-length: ${Buffer.byteLength(body)}`],
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** One after the other on each of a few connections. */
async function requests({ port, pid }, forMs, { delayMs, thinkMs = 0 } = {}) {
  const request = requestText(port, delayMs === undefined ? {} : { delay_ms: delayMs });
  const latencies = [];
  let running = true;
  const sockets = await Promise.all(Array.from({ length: CONCURRENCY }, () => opened(port)));
  const startedAt = performance.now();
  const startedCpuMs = cpuMs(pid);
  const done = sockets.map(
    (socket) =>
      new Promise((resolve) => {
        let reply = "";
        let sentAt = performance.now();
        const send = () => {
          sentAt = performance.now();
          socket.write(request);
        };
        socket.on("data", (chunk) => {
          reply += chunk.latin1Slice();
          if (!isWhole(reply)) return;
          reply = "";
          latencies.push(performance.now() - sentAt);
          if (!running) resolve();
          else if (thinkMs === 0) send();
          else setTimeout(send, Math.random() * thinkMs);
        });
        if (thinkMs === 0) send();
        else setTimeout(send, Math.random() * thinkMs);
      }),
  );
  await new Promise((resolve) => setTimeout(resolve, forMs));
  running = false;
  await Promise.all(done);
  const ms = performance.now() - startedAt;
  const used = cpuMs(pid) - startedCpuMs;
  for (const socket of sockets) socket.destroy();
  return {
    taken: latencies.length,
    ms,
    cpuMs: used,
    p50: quantileOf(latencies, 0.5),
    p99: quantileOf(latencies, 0.99),
  };
}

/** Whether a reply is all there: by its length, or by its last chunk. */
function isWhole(reply) {
  const bodyAt = reply.indexOf("\r\n\r\n") + 4;
  if (bodyAt < 4) return false;
  if (!reply.startsWith("HTTP/1.1 200")) throw new Error(`answered with ${reply}`);
  const length = /\r\ncontent-length: (\d+)/i.exec(reply)?.[1];
  return length === undefined ? reply.endsWith("0\r\n\r\n") : reply.length >= bodyAt + Number(length);
}

/** Many streams at once: the time between two tokens of one stream, and from the worker's write to here. */
async function streams({ port, pid }) {
  const request = requestText(port, { stream: true, tokens: TOKENS });
  const gaps = [];
  const delays = [];
  const startedCpuMs = cpuMs(pid);
  let tokens = 0;
  await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const socket = await opened(port);
      await new Promise((resolve, reject) => {
        let last;
        let text = "";
        socket.on("data", (chunk) => {
          const now = performance.now();
          text += chunk.latin1Slice();
          const found = [...text.matchAll(/"at":([\d.]+),"token":" word"\}\n/g)];
          for (const [, at] of found) {
            if (last !== undefined) gaps.push(now - last);
            delays.push(performance.timeOrigin + now - Number(at));
            last = now;
            tokens++;
          }
          if (text.includes("[DONE]")) resolve();
          else if (text.includes('"error"')) reject(new Error(text));
          text = text.slice(Math.max(text.lastIndexOf("\n"), 0));
        });
        socket.on("close", () => reject(new Error("the stream was cut")));
        socket.write(request);
      });
      socket.removeAllListeners("close").destroy();
    }),
  );
  if (tokens !== STREAMS * TOKENS) throw new Error(`${tokens} tokens came`);
  return {
    cpuUsPerToken: ((cpuMs(pid) - startedCpuMs) * 1_000) / tokens,
    ...{ gapP50: quantileOf(gaps, 0.5), gapP99: quantileOf(gaps, 0.99) },
    ...{ delayP50: quantileOf(delays, 0.5), delayP99: quantileOf(delays, 0.99) },
  };
}

function quantileOf(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function opened(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    socket.on("connect", () => resolve(socket));
    socket.on("error", reject);
  });
}
