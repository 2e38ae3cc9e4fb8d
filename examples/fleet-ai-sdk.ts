// The Vercel AI SDK: each request goes straight to the best worker.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { connect } from "@hive-registry/client";
import { streamText } from "ai";

const fleet = connect(process.env.HIVE_QUEEN_URL ?? "http://127.0.0.1:7833", { token: process.env.HIVE_TOKEN });
const hive = createOpenAICompatible({ name: "hive", ...fleet.openai() });
const [model = "hive-demo", question = "What is a worker?"] = process.argv.slice(2);

const { textStream } = streamText({ model: hive(model), prompt: question });
for await (const piece of textStream) process.stdout.write(piece);
process.stdout.write("\n");
await fleet.close();
