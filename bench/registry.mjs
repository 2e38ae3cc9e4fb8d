// The registry alone, in process: what its calls cost at a desk's and at a continent's fleet, beside the naive scan, and what it occupies.
import { resultOf } from "./lib/programs.mjs";
import { duration, grouped, printTable, times } from "./lib/table.mjs";

const SIZES = [800, 8_000, 80_000, 1_000_000];
const SMALLEST = SIZES[0];
const LARGEST = SIZES.at(-1);
const WORKERS_PER_HIVE = 8;
const MODELS = 100;

const READ_NS_MAX = 1_000;
const UPDATE_NS_MAX = 10_000;
/** A place taken and given back. */
const RESERVE_NS_MAX = 2_000;
/** `findBestWorkerForModel` at the largest fleet against the smallest. */
const GROWTH_MAX = 3;
const WORKER_BYTES_MAX = 500;
const HIVE_BYTES_MAX = 1_000;

const measure = (workers, models, gpu) => resultOf("registry/measure.mjs", [workers / WORKERS_PER_HIVE, models, gpu]);

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchRegistry() {
  const tables = [];
  const spread = new Map();
  for (const workers of SIZES) {
    spread.set(workers, await measure(workers, MODELS, "spread"));
    tables.push(fleetTable(workers, spread.get(workers)));
    print(tables.at(-1));
  }
  const special = {
    [`${MODELS} models, GPU usage spread`]: [spread.get(SMALLEST), spread.get(LARGEST)],
    [`${MODELS} models, all idle at GPU 0`]: await smallestAndLargest(MODELS, "tied"),
    "one model, GPU usage spread": await smallestAndLargest(1, "spread"),
    "one model, all idle at GPU 0": await smallestAndLargest(1, "tied"),
  };
  tables.push(growthTable(special));
  print(tables.at(-1));

  const memory = await measureMemory();
  tables.push(memoryTable(memory));
  print(tables.at(-1));

  const missed = tables.flatMap(({ rows }) => rows).filter(({ ok }) => ok === false).length;
  return { missed, results: { sizes: Object.fromEntries(spread), special, memory } };
}

const print = ({ title, rows, ratioTo }) => printTable(title, rows, ratioTo);

async function smallestAndLargest(models, gpu) {
  return [await measure(SMALLEST, models, gpu), await measure(LARGEST, models, gpu)];
}

function fleetTable(workers, measured) {
  const { reads, updateHiveState, updateHiveStateP99, listings, scan, memoryRead, reservations } = measured;
  const claimed = workers === LARGEST;
  const limit = (ns, max) => (claimed ? { required: `≤ ${duration(max)}`, ok: ns <= max } : {});
  const ratio = (name, ns) => (scan[name] === undefined ? {} : { ratio: times(scan[name] / ns) });
  const rows = Object.entries(reads).map(([name, ns]) => ({
    figure: name,
    measured: duration(ns),
    ...ratio(name, ns),
    ...limit(ns, READ_NS_MAX),
  }));
  rows.push({
    figure: "updateHiveState, 8 workers",
    measured: duration(updateHiveState),
    ...ratio("updateHiveState", updateHiveState),
    ...limit(updateHiveState, UPDATE_NS_MAX),
  });
  rows.push({ figure: "  its 99th percentile", measured: duration(updateHiveStateP99) });
  rows.push({
    figure: "reserve and release",
    measured: duration(reservations.atOnce),
    ...limit(reservations.atOnce, RESERVE_NS_MAX),
  });
  rows.push({ figure: "  one of 10,000 that are held", measured: duration(reservations.oneOfMany) });
  rows.push({ figure: "  updateHiveState then, 8 workers", measured: duration(reservations.updateHiveState) });
  rows.push({ figure: "for comparison: one read at a random place in memory", measured: duration(memoryRead) });
  for (const [name, { results, nsPerResult }] of Object.entries(listings)) {
    rows.push({
      figure: `${name}, each of ${grouped(results)}`,
      measured: duration(nsPerResult),
      ...ratio(name, nsPerResult * results),
    });
  }
  return {
    title: `Registry, ${grouped(workers)} workers on ${grouped(workers / WORKERS_PER_HIVE)} hives, ${MODELS} models: median of one call`,
    rows,
    ratioTo: "the naive scan (× quicker)",
  };
}

function growthTable(special) {
  const rows = Object.entries(special).flatMap(([name, [small, large]]) => {
    const best = large.reads.findBestWorkerForModel;
    const growth = best / small.reads.findBestWorkerForModel;
    return [
      {
        figure: `findBestWorkerForModel, ${name}`,
        measured: duration(best),
        ratio: times(growth),
        required: `≤ ${GROWTH_MAX}×, ≤ ${duration(READ_NS_MAX)}`,
        ok: growth <= GROWTH_MAX && best <= READ_NS_MAX,
      },
      {
        figure: `reserve and release, ${name}`,
        measured: duration(large.reservations.atOnce),
        ratio: times(large.reservations.atOnce / small.reservations.atOnce),
        required: `≤ ${duration(RESERVE_NS_MAX)}`,
        ok: large.reservations.atOnce <= RESERVE_NS_MAX,
      },
      {
        figure: `updateHiveState, ${name}`,
        measured: duration(large.updateHiveState),
        ratio: times(large.updateHiveState / small.updateHiveState),
        required: `≤ ${duration(UPDATE_NS_MAX)}`,
        ok: large.updateHiveState <= UPDATE_NS_MAX,
      },
    ];
  });
  return {
    title: `Registry, ${grouped(LARGEST)} workers against ${SMALLEST}`,
    rows,
    ratioTo: `${SMALLEST} workers`,
  };
}

async function measureMemory() {
  const hives = LARGEST / WORKERS_PER_HIVE;
  const empty = await resultOf("registry/memory.mjs", [hives, 0, MODELS]);
  const full = await resultOf("registry/memory.mjs", [hives, WORKERS_PER_HIVE, MODELS]);
  return {
    bytesPerHive: empty.bytes / hives,
    bytesPerWorker: (full.bytes - empty.bytes) / full.workers,
    totalBytes: full.bytes,
  };
}

function memoryTable({ bytesPerHive, bytesPerWorker, totalBytes }) {
  const row = (figure, bytes, max) => ({
    figure,
    measured: `${bytes.toFixed(0)} B`,
    required: `≤ ${max} B`,
    ok: bytes <= max,
  });
  return {
    title: `Registry, memory at ${grouped(LARGEST)} workers (heap and array buffers after gc): ${(totalBytes / 1e6).toFixed(0)} MB`,
    rows: [
      row("a worker", bytesPerWorker, WORKER_BYTES_MAX),
      row("a hive besides its workers", bytesPerHive, HIVE_BYTES_MAX),
    ],
  };
}
