// Keeps a copy of the queen's registry in this process and asks the copy: choosing a worker then costs a microsecond and no request.
import { chat, follow, HiveClient } from "@hive-registry/client";
import { HiveRegistry } from "hive-registry";

const client = new HiveClient({ baseUrl: process.env.HIVE_QUEEN_URL ?? "http://127.0.0.1:7833" });
const [model = "hive-demo", ...questions] = process.argv.slice(2);

const registry = new HiveRegistry();
const following = follow({ client, registry });
await following.ready;
console.log(`${registry.hiveCount()} hives, ${registry.totalWorkerCount()} workers`);

for (const question of questions.length > 0 ? questions : ["What is a worker?", "What is a heartbeat?"]) {
  const worker_url = registry.findBestWorkerForModel(model)?.worker.url;
  if (worker_url === undefined) throw new Error(`no idle worker for ${model}`);
  console.log(`\n> ${question}`);
  for await (const { content } of chat({ worker_url, model, messages: [{ role: "user", content: question }] })) {
    process.stdout.write(content);
  }
  process.stdout.write("\n");
}
await following.stop();
