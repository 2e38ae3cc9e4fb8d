// A worker thread that hammers a queen over HTTP: `write` sends heartbeats, `read` asks and checks every reply.
// Plain JavaScript, because Node 20 runs no TypeScript in a thread. It ends with a message: what it did, or what it saw that must not be.
import { parentPort, workerData } from "node:worker_threads";
import { faultsOf, heartbeatOf, hiveIdOf } from "./generations.mjs";

const { job, url, requests, hives, writers, index } = workerData;

async function call(path, init) {
  const response = await fetch(url + path, init);
  const body = await response.json();
  return { status: response.status, body };
}

/** This writer's hives are nobody else's, so that their generations only grow. */
async function write() {
  const own = Array.from({ length: hives }, (_, hive) => hive).filter((hive) => hive % writers === index);
  for (let request = 0; request < requests; request++) {
    const hive = own[request % own.length];
    const generation = Math.floor(request / own.length) + 1;
    const { status, body } = await call("/api/v1/heartbeat", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(heartbeatOf(hive, generation)),
    });
    if (status !== 200 || body.accepted !== true) throw new Error(`${status} ${JSON.stringify(body)}`);
  }
  return { requests, hivesSeen: own.length, workersSeen: 0 };
}

async function read() {
  let hivesSeen = 0;
  let workersSeen = 0;
  /** The newest generation of each hive that this reader saw: time does not run backwards for it. */
  const newest = new Map();
  for (let request = 0; request < requests; request++) {
    const hive = hiveIdOf((request * 7 + index) % hives);
    const [path, kind] = [
      ["/api/v1/hives?limit=1000", "hives"],
      [`/api/v1/hives/${hive}`, "hive"],
      [`/api/v1/hives/${hive}/resources`, "resources"],
      ["/api/v1/workers?limit=10000", "workers"],
      ["/api/v1/stats", "stats"],
      ["/api/v1/models", "models"],
    ][request % 6];
    const { status, body } = await call(path);
    if (status === 404) continue;
    const faults = status === 200 ? faultsOf(kind, body, newest) : [`status ${status}`];
    if (faults.length > 0) throw new Error(`${path}: ${faults.join("; ")}\n${JSON.stringify(body).slice(0, 2_000)}`);
    if (kind === "hives") hivesSeen += body.hives.length;
    if (kind === "workers") workersSeen += body.workers.length;
  }
  return { requests, hivesSeen, workersSeen };
}

try {
  parentPort.postMessage({ done: job === "write" ? await write() : await read() });
} catch (error) {
  parentPort.postMessage({ failed: String(error?.stack ?? error) });
}
