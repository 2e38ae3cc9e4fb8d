// Other processes: started for a measurement, ended with it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Enough for a million workers and the scan beside them, MB. */
const HEAP_MB = 6_144;
const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 10_000;

/** @param {string} path below bench/ */
export const beside = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/**
 * Runs a program that prints one line of JSON, to its end.
 *
 * @param {string} path below bench/
 * @param {readonly (string | number)[]} args
 */
export async function resultOf(path, args) {
  const flags = ["--expose-gc", `--max-old-space-size=${HEAP_MB}`];
  const program = spawn(process.execPath, [...flags, beside(path), ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  program.stdout.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  const [code] = await once(program, "close");
  if (code !== 0) throw new Error(`${path} ended with ${code}`);
  return JSON.parse(text);
}

/** A queen with the defaults, whatever this user's settings say. @param {{ port?: number, preload?: string, env?: object }} [options] */
export async function startQueen({ port = 0, preload, env = {} } = {}) {
  // As `hive up` and `hive queen` start it. Not there before all is compiled.
  const { serverCommand } = await import("../../packages/cli/dist/servers/commands.js");
  const [, ...program] = serverCommand("queen");
  const flags = preload === undefined ? [] : ["--import", preload];
  const args = ["--port", String(port), "--catalog", "memory", "--log-level", "warn"];
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HIVE_")));
  return startServer([...flags, ...program, ...args], { ...ours, XDG_CONFIG_HOME: tmpdir(), ...env });
}

/**
 * Starts a server and waits for its line `listening on http://HOST:PORT`.
 *
 * @param {readonly string[]} args of Node
 * @returns {Promise<{ pid: number, port: number, stop: () => Promise<void> }>}
 */
export async function startServer(args, env = process.env) {
  const server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env });
  const closed = once(server, "close");
  const stop = async () => {
    server.kill("SIGTERM");
    const late = setTimeout(() => server.kill("SIGKILL"), STOP_WITHIN_MS);
    await closed;
    clearTimeout(late);
  };
  const late = setTimeout(() => server.kill("SIGKILL"), READY_WITHIN_MS);
  for await (const line of createInterface(server.stdout)) {
    const port = /^listening on http:\/\/\S+:(\d+)$/.exec(line)?.[1];
    if (port === undefined) continue;
    clearTimeout(late);
    return { pid: server.pid, port: Number(port), stop };
  }
  clearTimeout(late);
  throw new Error(`${args.join(" ")} ended before it listened`);
}

/** Processor time that a process has used, all its threads together, ms. Linux counts it in ns; threads that ended are left out. */
export function cpuMs(pid) {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return ns / 1e6;
}

/** The most memory that a process has held so far, bytes. */
export function peakRssBytes(pid) {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]) * 1_024;
}
