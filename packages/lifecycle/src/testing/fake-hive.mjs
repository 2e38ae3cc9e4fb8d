// Stands for the program that is installed on a machine: the same words and answers, and a hive that only listens at its port.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { basename, dirname, join } from "node:path";

const LIFE_MS = 120_000;
const [word, ...args] = process.argv.slice(2);
const self = realpathSync(process.argv[1]);
const home = process.env.HOME;
const config = join(home, ".config", "hive");
const state = join(home, ".local", "state", "hive");
const settingsFile = join(config, "machine.json");
const tokenFile = join(config, "join-token");

const read = (file) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);
const settings = JSON.parse(read(settingsFile) ?? "null");
const pidFile = join(state, `hive-${settings?.hive_id}.pid`);
const log = join(state, "logs", `hive-${settings?.hive_id}.log`);
const pidRecord = JSON.parse(read(pidFile) ?? "null");
const isRunning = () => {
  try {
    return pidRecord !== null && process.kill(pidRecord.pid, 0);
  } catch {
    return false;
  }
};
const answer = (value) => console.log(JSON.stringify(value));
const fail = (code, message) => {
  answer({ error: { code, message } });
  process.exit(1);
};

const WORDS = {
  async configure() {
    const { join_token, take_over, ...wanted } = JSON.parse(readFileSync(0, "utf8"));
    if (settings !== null && settings.queen_id !== wanted.queen_id && take_over !== true)
      fail("MANAGED_ELSEWHERE", `There is a hive already, ${settings.hive_id}, of the queen at ${settings.queen_url}`);
    for (const folder of [config, state]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(settingsFile, JSON.stringify(wanted), { mode: 0o600 });
    if (join_token !== undefined) writeFileSync(tokenFile, join_token, { mode: 0o600 });
    chmodSync(settingsFile, 0o600);
    answer({ configured: true });
  },
  async start() {
    if (settings === null) fail("MACHINE_FAILED", "No hive is configured");
    const fingerprint = [self, read(settingsFile), read(tokenFile)].join();
    if (isRunning()) {
      if (pidRecord.fingerprint === fingerprint) return answer({ port: pidRecord.port, already_running: true });
      process.kill(pidRecord.pid, "SIGKILL");
    }
    const port = await new Promise((resolve) => {
      const server = createServer().on("error", () => resolve(undefined));
      server.listen(settings.port, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
    });
    if (port === undefined)
      fail("PORT_IN_USE", `Port ${settings.port} is taken by another program: choose another with --port`);
    mkdirSync(dirname(log), { recursive: true });
    const out = openSync(log, "a");
    const stdio = ["ignore", out, out];
    const { pid } = spawn(process.execPath, [self, "agent", String(port)], { stdio, detached: true });
    writeFileSync(
      pidFile,
      JSON.stringify({ pid, port, fingerprint, hive_id: settings.hive_id, started_at_ms: Date.now() }),
    );
    answer({ port, already_running: false });
    process.exit(0);
  },
  async stop() {
    const stopped = isRunning();
    if (stopped) process.kill(pidRecord.pid, "SIGKILL");
    rmSync(pidFile, { force: true });
    answer({ stopped });
  },
  async status() {
    if (settings === null) return answer(null);
    const { hive_id, queen_id, queen_url, service } = settings;
    const version = basename(dirname(self));
    answer({
      ...{ hive_id, queen_id, queen_url, service, version },
      ...{ port: pidRecord?.port ?? settings.port, running: isRunning() },
    });
  },
  async logs() {
    answer({ text: (read(log) ?? "").slice(-Number(args[1])) });
  },
  async check() {
    answer({ ok: true, node: process.versions.node });
  },
  async agent() {
    console.log(`listening at ${args[0]}`);
    createServer().listen(Number(args[0]), "127.0.0.1");
    setTimeout(() => process.exit(9), LIFE_MS);
  },
};
await WORDS[word]();
