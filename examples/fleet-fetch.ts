// Sends a request to the best worker of the fleet, with plain fetch: no queen is on its way.
import { connect } from "@hive-registry/client";

const fleet = connect(process.env.HIVE_QUEEN_URL ?? "http://127.0.0.1:7833", { token: process.env.HIVE_TOKEN });
const [model = "hive-demo", question = "What is a hive?"] = process.argv.slice(2);

const response = await fleet.fetch("/v1/chat/completions", {
  method: "POST",
  body: JSON.stringify({ model, messages: [{ role: "user", content: question }] }),
});
if (!response.ok) throw new Error(await response.text());
const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
console.log(`${response.headers.get("x-hive-worker")} on ${response.headers.get("x-hive-id")} answers:`);
console.log(choices[0]?.message.content);
await fleet.close();
