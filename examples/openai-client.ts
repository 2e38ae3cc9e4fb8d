// Asks the queen which worker is best for a model, then talks to that worker with the official `openai` client.
import { HiveClient } from "@hive-registry/client";
import OpenAI from "openai";

const queen = new HiveClient({ baseUrl: process.env.HIVE_QUEEN_URL ?? "http://127.0.0.1:7833" });
const [model = "hive-demo", question = "What is a queen?"] = process.argv.slice(2);

const { worker } = await queen.route(model);
const openai = new OpenAI({ baseURL: `${worker.url}/v1`, apiKey: process.env.HIVE_TOKEN ?? "none" });
const stream = await openai.chat.completions.create({
  model,
  messages: [{ role: "user", content: question }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
process.stdout.write("\n");
