// Preloaded into the queen (node --import): how late its event loop is. The product itself knows nothing of this.
// SIGUSR2 begins the measurement; at the next one, or at its end, the process writes what it saw to HIVE_BENCH_LOOP_DELAY_FILE.
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** The histogram holds the time from one sample to the next: this much of each is no delay. */
const RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;

const file = process.env.HIVE_BENCH_LOOP_DELAY_FILE;
if (file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let isMeasuring = false;
  const tell = () => {
    const delayMs = (ns) => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
    const [p50, p99, p999] = [50, 99, 99.9].map((percentile) => delayMs(histogram.percentile(percentile)));
    writeFileSync(file, JSON.stringify({ p50, p99, p999, max: delayMs(histogram.max), samples: histogram.count }));
  };
  process.on("SIGUSR2", () => {
    if (isMeasuring) tell();
    else histogram.reset();
    isMeasuring = !isMeasuring;
  });
  process.on("exit", () => {
    if (isMeasuring) tell();
  });
}
