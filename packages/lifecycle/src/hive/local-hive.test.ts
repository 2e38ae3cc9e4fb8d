import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPidFile, recordOf, writePidFile } from "../pid-file.ts";
import { identify } from "../processes/identity.ts";
import { DAEMON, gone, said, stateDirs } from "../testing/state-dirs.ts";
import { readLog, type StartLocalHive, startLocalHive, statusLocalHive, stopLocalHive } from "./local-hive.ts";

const { stateDir, endAfterwards } = stateDirs();
const deps = { nowMs: () => 1_763_900_000_000, env: process.env };

function aHive(state_dir: string, options: Partial<StartLocalHive> = {}): StartLocalHive {
  return {
    hive_id: "desk",
    port: 0,
    queen_url: "http://127.0.0.1:7833",
    state_dir,
    command: [process.execPath, DAEMON],
    ...options,
  };
}

const commandLineOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);

test("the hive is started with what it needs to know, and its address is told at once", async () => {
  const state_dir = stateDir();

  const started = await startLocalHive(deps, aHive(state_dir, { extra_args: ["--no-demo"] }));

  expect(started).toStrictEqual({
    pid: expect.any(Number),
    hive_url: `http://127.0.0.1:${started.port}`,
    port: expect.any(Number),
    log_file: join(state_dir, "logs", "hive-desk.log"),
    already_running: false,
  });
  expect(started.port).toBeGreaterThan(0);
  expect(commandLineOf(started.pid)).toEqual([
    process.execPath,
    DAEMON,
    ...["--id", "desk", "--port", String(started.port), "--queen", "http://127.0.0.1:7833", "--state-dir", state_dir],
    "--no-demo",
  ]);
  expect(readPidFile(join(state_dir, "hive-desk.pid"))).toMatchObject({
    pid: started.pid,
    hive_id: "desk",
    url: started.hive_url,
  });
});

test("started again it answers with the one that runs, whatever port is asked for", async () => {
  const state_dir = stateDir();
  const first = await startLocalHive(deps, aHive(state_dir));
  const second = await startLocalHive(deps, aHive(state_dir, { port: 1 }));
  expect(second).toStrictEqual({ ...first, already_running: true });
});

test("status and log tell its life from start to end", async () => {
  const state_dir = stateDir();
  const hive = { hive_id: "desk", state_dir };
  expect(statusLocalHive(hive)).toEqual({ state: "stopped" });
  expect(readLog({ ...hive, tail_bytes: 100 })).toBe("");

  const { pid, hive_url, log_file } = await startLocalHive(deps, aHive(state_dir, { extra_args: ["--say", "hello"] }));
  await said(log_file, /ready/);
  expect(statusLocalHive(hive)).toEqual({ state: "running", pid, url: hive_url, since_ms: 1_763_900_000_000 });
  expect(readLog({ ...hive, tail_bytes: 100 })).toBe(`hello\nready ${pid}\n`);

  process.kill(pid, "SIGKILL");
  await gone(pid);
  expect(statusLocalHive(hive).state).toBe("stale");

  expect((await startLocalHive(deps, aHive(state_dir))).already_running).toBe(false);
  expect(await stopLocalHive(hive)).toBe(true);
  expect(await stopLocalHive(hive)).toBe(false);
  expect(statusLocalHive(hive)).toEqual({ state: "stopped" });
});

test("stopping ends the workers it wrote down too, and no process that merely has the pid of one", async () => {
  const state_dir = stateDir();
  const workers = join(state_dir, "workers", "desk");
  const { pid, log_file } = await startLocalHive(
    deps,
    aHive(state_dir, { extra_args: ["--deaf", "--bare", "--worker", workers] }),
  );
  await said(log_file, /ready/);
  const worker = Number(await said(log_file, /worker (\d+)/));
  const stranger = spawn(process.execPath, ["-e", "setTimeout(() => {}, 120_000)"], { stdio: "ignore" });
  endAfterwards(stranger.pid!);
  const record = recordOf(stranger.pid!, 1);
  writePidFile(join(workers, "reused.json"), { ...record, start_time: 1 });
  writePidFile(join(workers, "unknown.json"), { ...record, start_time: null });
  writeFileSync(join(workers, "other-boot.json"), JSON.stringify({ ...record, machine_boot: "before" }));
  writeFileSync(join(workers, "garbage.json"), "{");

  expect(await stopLocalHive({ hive_id: "desk", state_dir, grace_ms: 50 })).toBe(true);

  expect([identify(pid), identify(worker)]).toEqual([undefined, undefined]);
  expect(identify(stranger.pid!)).toBeDefined();
});

test("workers of another hive in the same state directory go on", async () => {
  const state_dir = stateDir();
  const worker = spawn(process.execPath, ["-e", "setTimeout(() => {}, 120_000)"], { stdio: "ignore" });
  endAfterwards(worker.pid!);
  mkdirSync(join(state_dir, "workers"));
  writePidFile(join(state_dir, "workers", "rack", "w.json"), recordOf(worker.pid!, 1));
  await startLocalHive(deps, aHive(state_dir));

  await stopLocalHive({ hive_id: "desk", state_dir });

  expect(identify(worker.pid!)).toBeDefined();
});

test("the token goes by its file: neither command line nor environment holds it", async () => {
  const state_dir = stateDir();
  const token_file = join(state_dir, "token");
  writeFileSync(token_file, "s3cret", { mode: 0o600 });
  const env = { PATH: process.env.PATH, HIVE_TOKEN: "s3cret", HIVE_PORT: "7833", HIVE_NVIDIA_SMI: "/opt/nvidia-smi" };

  const { pid } = await startLocalHive({ ...deps, env }, aHive(state_dir, { token_file }));

  expect(commandLineOf(pid).slice(-2)).toEqual(["--token-file", token_file]);
  const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
  expect(environment).not.toContain("s3cret");
  expect(environment).not.toContain("HIVE_PORT");
  expect(environment).toContain("HIVE_NVIDIA_SMI=/opt/nvidia-smi");
});

test("a token file that is missing, or that others may read, is refused by name", async () => {
  const state_dir = stateDir();
  const token_file = join(state_dir, "token");
  await expect(startLocalHive(deps, aHive(state_dir, { token_file }))).rejects.toMatchObject({
    message: `Cannot read the token file ${token_file}: there is no such file. Name another with --token-file`,
  });
  writeFileSync(token_file, "s3cret");
  chmodSync(token_file, 0o640);
  await expect(startLocalHive(deps, aHive(state_dir, { token_file }))).rejects.toMatchObject({
    code: "INVALID_REQUEST",
    message: expect.stringContaining("chmod 600"),
  });
  expect(statusLocalHive({ hive_id: "desk", state_dir })).toEqual({ state: "stopped" });
});

test("a port that another program has is named with the flag, and nothing is started", async () => {
  const state_dir = stateDir();
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    await expect(startLocalHive(deps, aHive(state_dir, { port }))).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: `Port ${port} is taken by another program: choose another with --port`,
    });
  } finally {
    other.close();
  }
  expect(statusLocalHive({ hive_id: "desk", state_dir })).toEqual({ state: "stopped" });
});

test("an id that cannot be part of a file name, or a port that is none, is refused", async () => {
  for (const hive_id of ["", "..", "a/b", "größe", "x".repeat(64)]) {
    await expect(startLocalHive(deps, aHive(stateDir(), { hive_id }))).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
  }
  await expect(startLocalHive(deps, aHive(stateDir(), { port: 70_000 }))).rejects.toMatchObject({
    code: "INVALID_REQUEST",
  });
});
