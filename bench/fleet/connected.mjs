// Hives as far as a queen sees them: their own links, that come back as those of real ones do. node connected.mjs PORT HIVES WORKERS
import { systemClock } from "../../packages/hive/dist/clock.js";
import { QueenLink } from "../../packages/hive/dist/heartbeat/queen-link.js";
import { connectWebSocket } from "../../packages/hive/dist/heartbeat/websocket.js";
import { heartbeatText, hiveId, randomFrom } from "../lib/payloads.mjs";

const MODELS = 100;
const [port, hives, workers] = process.argv.slice(2).map(Number);
const silent = { info() {}, warn() {}, error() {}, debug() {} };
for (let hive = 0; hive < hives; hive++) {
  const random = randomFrom(hive + 1);
  const {
    timestamp: _,
    boot_id,
    seq: first,
    ...report
  } = JSON.parse(heartbeatText({ hive, workers, models: MODELS, atMs: Date.now(), seq: 1, random }));
  let seq = first;
  const link = new QueenLink(
    {
      ...{ clock: systemClock, random: Math.random, log: silent, connect: connectWebSocket },
      post: async () => ({ status: undefined, message: "by WebSocket only" }),
      ...{ report: () => report, nextSeq: () => seq++, onRoute: () => {} },
    },
    { url: `http://127.0.0.1:${port}`, hive_id: hiveId(hive), boot_id, token: undefined },
  );
  link.start();
}
