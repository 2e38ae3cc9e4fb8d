/**
 * Plays nvidia-smi. What it does stands in the file FAKE_NVIDIA_SMI, read at each start:
 * { "gpus": [lines], "apps": [lines], "between": [lines], "exit": code, "words": text, "hang": true, "hang_apps": true,
 *   "refuse": "column", "rounds": n, "alone": { end of a UUID: line }, "query": text of -q, "list": text of -L,
 *   "calls": path of a file that gets a line for each call }
 */
import { appendFileSync, readFileSync } from "node:fs";

const play = JSON.parse(readFileSync(process.env.FAKE_NVIDIA_SMI, "utf8"));
const args = process.argv.slice(2);
const query = args.find((arg) => arg.startsWith("--query-")) ?? "";
if (play.calls) appendFileSync(play.calls, `${process.pid} ${args.join(" ")}\n`);

function aloneLine() {
  const uuid = args[args.indexOf("-i") + 1];
  return Object.entries(play.alone ?? {}).find(([end]) => uuid.endsWith(end))?.[1];
}

const hang = () => setInterval(() => {}, 1_000);

if (query.startsWith("--query-compute-apps")) {
  if (play.hang_apps) hang();
  else process.stdout.write((play.apps ?? []).map((line) => `${line}\n`).join(""));
} else if (play.refuse && query.includes(play.refuse)) {
  process.stdout.write(`Field "${play.refuse}" is not a valid field to query.\n`);
  process.exitCode = 2;
} else if (args[0] === "-q" || args[0] === "-L") {
  process.stdout.write((args[0] === "-q" ? play.query : play.list) ?? "");
} else if (args.includes("-i") && aloneLine() !== undefined) {
  process.stdout.write(`${aloneLine()}\n`);
} else if (play.words) {
  process.stdout.write(`${play.words}\n`);
  process.exitCode = play.exit;
} else if (play.hang) {
  hang();
} else {
  const columns = query.slice("--query-gpu=".length).split(",").length;
  const print = () => {
    const gpus = (play.gpus ?? []).map((line) => line.split(", ").slice(0, columns).join(", "));
    // A round comes in one piece.
    process.stdout.write([...(play.between ?? []), ...gpus].map((line) => `${line}\n`).join(""));
  };
  const periodMs = Number(args[args.indexOf("-l") + 1]) * 1_000;
  let rounds = 1;
  print();
  const timer = setInterval(() => {
    if (play.rounds && rounds >= play.rounds) {
      clearInterval(timer);
      if (play.then === "hang") hang();
      else process.exit(play.exit ?? 0);
      return;
    }
    rounds++;
    print();
  }, periodMs);
}
