// A place at a worker for a request that goes its own way: with a WebSocket, say, or another program.
import { connect } from "@hive-registry/client";

const fleet = connect(process.env.HIVE_QUEEN_URL ?? "http://127.0.0.1:7833", { token: process.env.HIVE_TOKEN });
fleet.onQueen((news) => console.log(`the queen is ${news.type}`));
const [model = "hive-demo"] = process.argv.slice(2);

const place = await fleet.reserve({ model, policy: "session", session: "ada" });
try {
  console.log(`${place.worker.worker_id} on ${place.hive_id} knows it as ${place.model}, at ${place.worker.url}`);
  place.release("ok");
} catch (error) {
  place.release("error");
  throw error;
}
await fleet.close();
