// A daemon to try things on. Prints "ready" and its pid, then stays until SIGTERM, and never longer than a test may take.
//   --deaf            does not end on SIGTERM
//   --child           starts a process in its own session        (prints "child PID")
//   --worker DIR      starts one in a session of its own, as a hive starts workers, and writes it down in DIR as a hive does
//   --bare            its children carry no environment
//   --starts DIR      starts another daemon, `inner`, in the state directory DIR
//   --say TEXT        prints TEXT
//   --show-env NAME   prints a variable of its environment
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LIFE_MS = 120_000;
const args = process.argv.slice(2);
const has = (flag) => args.includes(flag);
const after = (flag) => args[args.indexOf(flag) + 1];

const wait = ["-e", `process.on("SIGTERM", () => {}); setTimeout(() => {}, ${LIFE_MS})`];
const start = (options) =>
  spawn(process.execPath, wait, { stdio: "ignore", ...(has("--bare") ? { env: {} } : {}), ...options });

setTimeout(() => process.exit(9), LIFE_MS);
process.on("SIGTERM", () => {
  if (!has("--deaf")) process.exit(0);
});
if (has("--say")) console.log(after("--say"));
if (has("--show-env")) console.log(`${after("--show-env")}=${process.env[after("--show-env")]}`);
if (has("--child")) console.log(`child ${start({}).pid}`);
if (has("--worker")) {
  const { pid } = start({ detached: true });
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const start_time = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  mkdirSync(after("--worker"), { recursive: true });
  writeFileSync(join(after("--worker"), "w.json"), JSON.stringify({ pid, worker_id: "w", start_time }));
  console.log(`worker ${pid}`);
}
if (has("--starts")) {
  const { startDaemon } = await import("../../dist/index.js");
  const spec = { name: "inner", state_dir: after("--starts"), command: process.execPath, args: [process.argv[1]] };
  console.log(`inner ${(await startDaemon({ nowMs: Date.now }, spec)).pid}`);
}
console.log(`ready ${process.pid}`);
