// Asks the queen which worker is best for a model, then streams the answer from that worker: no library, only `fetch`.
const queenUrl = process.env.HIVE_QUEEN_URL ?? "http://127.0.0.1:7833";
const [model = "hive-demo", question = "What is a hive?"] = process.argv.slice(2);

const route = await fetch(`${queenUrl}/api/v1/route?model=${encodeURIComponent(model)}`);
if (!route.ok) throw new Error(`no worker for ${model}: ${await route.text()}`);
const { hive_id, worker } = (await route.json()) as { hive_id: string; worker: { worker_id: string; url: string } };
console.log(`${worker.worker_id} on ${hive_id} answers at ${worker.url}`);

const answer = await fetch(`${worker.url}/v1/chat/completions`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: question }] }),
});
if (!answer.ok || answer.body === null) throw new Error(`${worker.worker_id} answered ${answer.status}`);

// Server-sent events: lines of `data: {JSON}`, and `data: [DONE]` at the end. A piece may stop in the middle of a line.
let rest = "";
for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + piece).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    if (!line.startsWith("data: {")) continue;
    const { choices } = JSON.parse(line.slice("data: ".length)) as { choices: { delta: { content?: string } }[] };
    process.stdout.write(choices[0]?.delta.content ?? "");
  }
}
process.stdout.write("\n");
