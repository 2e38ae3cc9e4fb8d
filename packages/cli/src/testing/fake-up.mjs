// Stands for `hive up` in the background: writes its state, is ready (or fails), ends at SIGTERM.
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [stateDir, how] = process.argv.slice(2);
const path = join(stateDir, "up.json");
const write = (state) => {
  writeFileSync(
    `${path}.new`,
    JSON.stringify({ up: { pid: process.pid, start_time: null, started_at_ms: Date.now() }, ...state }),
  );
  renameSync(`${path}.new`, path);
};
process.on("SIGTERM", () => {
  rmSync(path, { force: true });
  process.exit(0);
});
const queen = {
  process: { pid: process.pid, start_time: null, started_at_ms: Date.now() },
  url: "http://127.0.0.1:7001",
};
write({ phase: "starting", lines: ["queen listens"] });
if (how === "fails") {
  process.stderr.write("the queen could not start\n");
  process.exit(1);
}
const worker = { worker_id: "demo", model: "hive-demo", url: "http://127.0.0.1:9300" };
write({
  ...{ phase: "ready", lines: ["queen listens", "hive joined"], queen },
  ...(how === "without-worker" ? { problem: "No worker runs: demo has failed." } : { worker }),
});
setInterval(() => undefined, 1_000_000);
