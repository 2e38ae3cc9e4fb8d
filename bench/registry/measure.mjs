// One fleet in one process: what each call of the registry costs there. Prints one line of JSON; registry.mjs makes the tables.
// node --expose-gc measure.mjs HIVES MODELS spread|tied
import { HiveRegistry } from "../../packages/registry/dist/index.js";
import { medianNs, NS_PER_MS, quantile } from "../lib/measure.mjs";
import { memoryReadNs } from "../lib/memory-read.mjs";
import { heartbeatText, hiveId, modelId, randomFrom, workerId } from "../lib/payloads.mjs";
import { NaiveScan } from "./naive-scan.mjs";

const WORKERS_PER_HIVE = 8;
const BEAT_MS = 5_000;
const ONLINE_MS = 30_000;
const READS = { batches: 400, perBatch: 50 };
const UPDATES = 4_000;
/** Places that are held while others are taken and given back. */
const HELD = 10_000;
/** A scan of a million workers takes long: so much time for each of them, and at least one call. */
const SCAN = { batches: 200, perBatch: 1, budgetMs: 400 };
const LISTING = { batches: 200, perBatch: 1, budgetMs: 600 };

const [hives, models] = process.argv.slice(2, 4).map(Number);
const tied = process.argv[4] === "tied";
const random = randomFrom(1);
let nowMs = Date.parse("2026-01-01T00:00:00Z");
let beat = 0;
const registry = new HiveRegistry({ now: () => nowMs });

const below = (limit) => Math.floor(random() * limit);
const textOf = (hive) =>
  heartbeatText({ hive, workers: WORKERS_PER_HIVE, models, atMs: nowMs, seq: beat, random, tied });

/** Each hive once, in the order of the numbers or in no order; texts are parsed one by one, so that no two share a string. */
function everyHiveBeats(order) {
  beat++;
  for (const hive of order) {
    const payload = JSON.parse(textOf(hive));
    registry.updateHiveState(payload.hive_id, payload, { receivedAtMs: nowMs });
  }
  nowMs += BEAT_MS;
}

function shuffled(count) {
  const order = Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at--) {
    const other = below(at + 1);
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

/** Costs of `updateHiveState`, ns each, with payloads that were just parsed, as they are when they come off a socket. */
function updateCosts(count, update) {
  beat++;
  nowMs += 1;
  const costs = [];
  const texts = Array.from({ length: count }, () => textOf(below(hives)));
  for (const text of texts) {
    // Newer each time: a hive may be drawn twice.
    const payload = { ...JSON.parse(text), seq: ++beat };
    const startedAt = performance.now();
    update(payload);
    costs.push((performance.now() - startedAt) * NS_PER_MS);
  }
  return costs;
}

/** As many names as there are calls, none asked for twice: a repeated string brings its hash along. */
function freshNames(name) {
  const names = Array.from({ length: READS.batches * READS.perBatch }, () => name(below(hives)));
  return JSON.parse(JSON.stringify(names));
}

const update = (payload) => registry.updateHiveState(payload.hive_id, payload, { receivedAtMs: nowMs });
const hiveNames = () => freshNames(hiveId);
const workerNames = () => freshNames((hive) => workerId(hive, below(WORKERS_PER_HIVE)));
const modelNames = () => freshNames(() => modelId(below(models)));

function readCosts() {
  const cost = (names, ask) => medianNs((call) => ask(names[call]), READS);
  return {
    findBestWorkerForModel: cost(modelNames(), (model) => registry.findBestWorkerForModel(model)),
    getWorker: cost(workerNames(), (id) => registry.getWorker(id)),
    getHiveState: cost(hiveNames(), (id) => registry.getHiveState(id)),
    isHiveOnline: cost(hiveNames(), (id) => registry.isHiveOnline(id, ONLINE_MS)),
    totalWorkerCount: medianNs(() => registry.totalWorkerCount(), READS),
  };
}

/** What a place at a worker costs, taken and given back: at once, and one out of many that are held. */
function reservationCosts() {
  const cost = (ask) => {
    const names = modelNames();
    return medianNs((call) => ask(names[call]), READS);
  };
  const atOnce = () => cost((model) => registry.reserve({ model })?.release());
  const held = Array.from({ length: Math.min(HELD, hives) }, () => registry.reserve({ model: modelId(below(models)) }));
  let at = 0;
  const oneOfMany = () =>
    cost((model) => {
      held[at]?.release();
      held[at] = registry.reserve({ model });
      at = (at + 1) % held.length;
    });
  // The first calls put the workers of each model in order; then until the optimiser has seen everything.
  for (let round = 0; round < 2; round++) {
    atOnce();
    oneOfMany();
  }
  const costs = { atOnce: atOnce(), oneOfMany: oneOfMany() };
  for (const place of held) place?.release();
  updateCosts(UPDATES, update);
  return { ...costs, updateHiveState: quantile(updateCosts(UPDATES, update), 0.5) };
}

function listingCosts() {
  const listing = (ask, sizeOf = (answer) => answer.length) => {
    let results = 0;
    const ns = medianNs(() => {
      const answer = ask();
      results = sizeOf(answer);
      return answer;
    }, LISTING);
    return { results, nsPerResult: ns / Math.max(1, results) };
  };
  return {
    findWorkersByModel: listing(() => registry.findWorkersByModel(modelId(0))),
    findWorkersByBackend: listing(() => registry.findWorkersByBackend("cuda")),
    findIdleWorkers: listing(() => registry.findIdleWorkers()),
    listActiveHives: listing(() => registry.listActiveHives(ONLINE_MS)),
    snapshot: listing(
      () => registry.snapshot(),
      ({ hives }) => hives.length,
    ),
  };
}

function scanCosts() {
  const naive = new NaiveScan(registry.snapshot());
  const [model] = modelNames();
  const [worker] = workerNames();
  const hives = hiveNames();
  return {
    findBestWorkerForModel: medianNs(() => naive.findBestWorkerForModel(model), SCAN),
    getWorker: medianNs(() => naive.getWorker(worker), SCAN),
    getHiveState: medianNs((call) => naive.getHiveState(hives[call]), READS),
    isHiveOnline: medianNs((call) => naive.isHiveOnline(hives[call], nowMs, ONLINE_MS), READS),
    totalWorkerCount: medianNs(() => naive.totalWorkerCount(), SCAN),
    findWorkersByModel: medianNs(() => naive.findWorkersByModel(model), SCAN),
    findIdleWorkers: medianNs(() => naive.findIdleWorkers(), SCAN),
    listActiveHives: medianNs(() => naive.listActiveHives(nowMs, ONLINE_MS), SCAN),
    updateHiveState: quantile(
      updateCosts(UPDATES / 4, (payload) => naive.updateHiveState(payload.hive_id, payload, nowMs)),
      0.5,
    ),
  };
}

everyHiveBeats(Array.from({ length: hives }, (_, at) => at));
everyHiveBeats(shuffled(hives));
// Until the optimiser has seen every call, and the garbage of the filling is gone.
for (let round = 0; round < 2; round++) {
  readCosts();
  updateCosts(UPDATES, update);
}
gc();

const reads = readCosts();
const updates = updateCosts(UPDATES, update);
const result = {
  workers: registry.totalWorkerCount(),
  reads,
  updateHiveState: quantile(updates, 0.5),
  updateHiveStateP99: quantile(updates, 0.99),
  listings: listingCosts(),
  scan: scanCosts(),
  // Last, for from then on each heartbeat also keeps the models' workers in order.
  reservations: reservationCosts(),
  memoryRead: memoryReadNs(),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
