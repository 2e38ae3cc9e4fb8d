// What one look at a random place in memory costs on this machine, now: the unit in which a lookup among a million is paid.
import { NS_PER_MS } from "./measure.mjs";
import { randomFrom } from "./payloads.mjs";

const BYTES = 268_435_456;
const LINE_INTS = 16;
const READS = 1_000_000;

/** Each read tells where the next one is, so that none can begin before the last has ended. @returns {number} ns */
export function memoryReadNs() {
  const random = randomFrom(1);
  const memory = new Int32Array(BYTES / Int32Array.BYTES_PER_ELEMENT);
  const lines = memory.length / LINE_INTS;
  const order = new Uint32Array(lines).map((_, at) => at);
  for (let at = lines - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  for (let at = 0; at < lines; at++) memory[order[at] * LINE_INTS] = order[(at + 1) % lines] * LINE_INTS;
  let place = 0;
  const startedAt = performance.now();
  for (let read = 0; read < READS; read++) place = memory[place];
  const ns = ((performance.now() - startedAt) * NS_PER_MS) / READS;
  if (place < 0) throw new Error("the chain of reads left its memory");
  return ns;
}
