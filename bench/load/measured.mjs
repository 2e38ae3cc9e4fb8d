// The measured part of a load: after a warm-up, how much was done in what time, and what it cost the server.
import { cpuMs } from "../lib/programs.mjs";

const WARM_UP_MS = 1_000;

/** @param {{ serverPid: string, seconds: number, count: () => number }} load prints `{ count, seconds, serverCpuMs, loadCpuMs }` */
export async function measured({ serverPid, seconds, count }) {
  await delay(WARM_UP_MS);
  const before = { count: count(), at: performance.now(), server: cpuMs(serverPid), load: cpuMs(process.pid) };
  await delay(seconds * 1_000);
  const result = {
    count: count() - before.count,
    seconds: (performance.now() - before.at) / 1_000,
    serverCpuMs: cpuMs(serverPid) - before.server,
    loadCpuMs: cpuMs(process.pid) - before.load,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
