// From the command to a worker that is ready, on a machine that ran it before: as npm start runs it, and from the programs' parts.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quantile } from "./lib/measure.mjs";
import { printTable, times } from "./lib/table.mjs";

const ROUNDS = 5;
const START_MS_MAX = 3_000;
const READY = "Ctrl-C stops it all";
const ROOT = fileURLToPath(new URL("../", import.meta.url));
const ANY_PORTS = ["--port", "0", "--hive-port", "0"];

const WAYS = {
  npm: ["npm", "start", "--silent", "--", ...ANY_PORTS],
  parts: [process.execPath, join(ROOT, "packages", "cli", "dist", "main.js"), "up", ...ANY_PORTS],
};

/** @returns {Promise<{ missed: number, results: object }>} */
export async function benchStart() {
  const home = mkdtempSync(join(tmpdir(), "hive-bench-"));
  try {
    // The first time makes what later ones find: bundles, the demonstration model, the catalog.
    await startMs(WAYS.npm, home);
    const took = { npm: [], parts: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, command] of Object.entries(WAYS)) took[name].push(await startMs(command, home));
    }
    const rows = rowsOf(took);
    printTable(`Start, not the first one, to a ready worker: median of ${ROUNDS}, taking turns`, rows, "parts");
    return { missed: rows.filter(({ ok }) => ok === false).length, results: took };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Starts it, waits until it says that it is ready, and ends it as Ctrl-C does. */
async function startMs([program, ...args], home) {
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HIVE_")));
  const places = { XDG_STATE_HOME: join(home, "state"), XDG_CONFIG_HOME: join(home, "config") };
  const env = { ...ours, ...places, HIVE_WORKER_PORT_START: "0" };
  const startedAt = performance.now();
  const up = spawn(program, args, { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(up, "exit");
  let said = "";
  for await (const text of up.stdout.setEncoding("utf8")) {
    said += text;
    if (said.includes(READY)) break;
  }
  const ms = performance.now() - startedAt;
  if (!said.includes(READY)) throw new Error(`${program} ${args.join(" ")} ended before it was ready: ${said}`);
  // To all that the command started in this terminal, as a terminal does.
  process.kill(-up.pid, "SIGINT");
  await exited;
  return ms;
}

function rowsOf({ npm, parts }) {
  const seconds = (ms) => `${(ms / 1_000).toFixed(2)} s`;
  const median = quantile(npm, 0.5);
  const ratio = quantile(
    npm.map((ms, round) => ms / parts[round]),
    0.5,
  );
  return [
    {
      figure: "npm start",
      measured: seconds(median),
      ratio: times(ratio),
      required: `< ${seconds(START_MS_MAX)}`,
      ok: median < START_MS_MAX,
    },
    { figure: "  shortest, longest", measured: `${seconds(Math.min(...npm))}, ${seconds(Math.max(...npm))}` },
    { figure: "hive up from the programs' parts", measured: seconds(quantile(parts, 0.5)) },
  ];
}
