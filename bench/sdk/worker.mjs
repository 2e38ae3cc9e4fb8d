// A worker that answers after a set time, like an inference server whose time goes into computing, and beats to a queen.
import { createServer } from "node:http";

const [queenPort] = process.argv.slice(2);
const BEAT_MS = 1_000;
const ANSWER = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "bench",
  choices: [{ index: 0, message: { role: "assistant", content: "word ".repeat(150) }, finish_reason: "stop" }],
  usage: { prompt_tokens: 20, completion_tokens: 150, total_tokens: 170 },
});

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    const delayMs = Number(request.headers["x-bench-delay-ms"] ?? 0);
    const answer = () => response.writeHead(200, { "content-type": "application/json" }).end(ANSWER);
    if (delayMs === 0) answer();
    else setTimeout(answer, delayMs);
  });
});

server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const beat = (seq) => {
    const timestamp = new Date().toISOString();
    const status = {
      state: "Idle",
      health_status: "healthy",
      last_heartbeat: timestamp,
      slots_total: 8,
      slots_busy: 0,
    };
    const worker = { worker_id: "bench", url: `http://127.0.0.1:${port}`, model_id: "bench", ...status };
    const body = JSON.stringify({ hive_id: "bench", timestamp, boot_id: "bench", seq, workers: [worker] });
    const headers = { "content-type": "application/json" };
    return fetch(`http://127.0.0.1:${queenPort}/api/v1/heartbeat`, { method: "POST", headers, body });
  };
  let seq = 1;
  await beat(seq);
  setInterval(() => beat(++seq).catch(() => undefined), BEAT_MS);
  console.log(`listening on http://127.0.0.1:${port}`);
});
