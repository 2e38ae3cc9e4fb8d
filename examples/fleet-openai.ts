// The official openai client, unchanged: each request goes straight to the best worker.
import { connect } from "@hive-registry/client";
import OpenAI from "openai";

const fleet = connect(process.env.HIVE_QUEEN_URL ?? "http://127.0.0.1:7833", { token: process.env.HIVE_TOKEN });
const openai = new OpenAI(fleet.openai());
const [model = "hive-demo", question = "What is a queen?"] = process.argv.slice(2);

const messages = [{ role: "user" as const, content: question }];
const stream = await openai.chat.completions.create({ model, messages, stream: true });
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
process.stdout.write("\n");
await fleet.close();
