// Heartbeats to two servers in four ways, each for a moment in turn, as fast as they are taken. Prints one line of JSON.
// node load.mjs BARE_PORT BARE_PID QUEEN_PORT QUEEN_PID ROUNDS
import { cpuMs } from "../lib/programs.mjs";
import { postLoad } from "./post-load.mjs";
import { socketLoads } from "./socket-load.mjs";

/** Short, so that what else the machine does meets all of them alike. */
const SLICE_MS = 400;
/** What one way has under way ends before the next begins. */
const PAUSE_MS = 40;
/** Until the optimiser has seen everything; not counted. */
const WARM_UP_ROUNDS = 4;
const HIVES = 1_000;

const [barePort, barePid, queenPort, queenPid, rounds] = process.argv.slice(2).map(Number);
const { full, lease, close } = await socketLoads(queenPort, { firstHive: HIVES, hives: HIVES });
const ways = {
  bare: { load: postLoad(barePort, { firstHive: 0, hives: HIVES }), pid: barePid },
  post: { load: postLoad(queenPort, { firstHive: 0, hives: HIVES }), pid: queenPid },
  full: { load: full, pid: queenPid },
  lease: { load: lease, pid: queenPid },
};
const slices = { bare: [], post: [], full: [], lease: [] };
for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
  for (const [name, way] of Object.entries(ways)) {
    const slice = await oneSlice(way);
    if (round >= 0) slices[name].push(slice);
  }
}
process.stdout.write(`${JSON.stringify(slices)}\n`);
for (const { load } of Object.values(ways)) load.close?.();
close();

async function oneSlice({ load, pid }) {
  const before = { taken: load.taken(), at: performance.now(), cpu: cpuMs(pid), own: cpuMs(process.pid) };
  load.start();
  await spin(SLICE_MS);
  load.pause();
  const ms = performance.now() - before.at;
  await delay(PAUSE_MS);
  const taken = load.taken() - before.taken;
  return { taken, ms, cpuMs: cpuMs(pid) - before.cpu, loadCpuMs: cpuMs(process.pid) - before.own };
}

/**
 * Waits without ever sleeping. Who sends to a process that sleeps has to wake it, which on a virtual machine takes longer than all else that
 * a write does; and this process sleeps the more, the less a server takes. So the slower of two servers would pay for being slower.
 */
function spin(ms) {
  const end = performance.now() + ms;
  return new Promise((resolve) => {
    const look = () => (performance.now() < end ? setImmediate(look) : resolve());
    look();
  });
}

function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
