import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { readPidFile, recordOf, writePidFile } from "../pid-file.ts";
import { identify, machineBoot } from "../processes/identity.ts";
import { aDaemon, gone, START_AND_EXIT, said, stateDirs } from "../testing/state-dirs.ts";
import { type DaemonSpec, type DaemonStarted, startDaemon } from "./start.ts";
import { daemonStatus } from "./status.ts";
import { stopDaemon } from "./stop.ts";

const { stateDir, endAfterwards } = stateDirs();
const deps = { nowMs: () => 1_763_900_000_000 };
const queenIn = (state_dir: string) => ({ name: "queen", state_dir });

/** Processes that start `spec` all at once and end; what each of them answered. */
async function startedBy(count: number, spec: DaemonSpec): Promise<DaemonStarted[]> {
  const starters = Array.from({ length: count }, () => {
    const starter = spawn(process.execPath, [START_AND_EXIT, JSON.stringify({ daemon: spec })], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    return { starter, lines: createInterface({ input: starter.stdout })[Symbol.asyncIterator]() };
  });
  for (const { lines } of starters) expect((await lines.next()).value).toBe("waiting");
  for (const { starter } of starters) starter.stdin.write("go\n");
  return Promise.all(
    starters.map(async ({ starter, lines }) => {
      const answer = JSON.parse((await lines.next()).value ?? "null");
      if (starter.exitCode === null) await once(starter, "exit");
      return answer;
    }),
  );
}

test("a daemon lives on when the process that started it has ended", async () => {
  const state_dir = stateDir();

  const [started] = await startedBy(1, aDaemon(state_dir));

  expect(await said(started!.log_file, /ready (\d+)/)).toBe(String(started!.pid));
  expect(identify(started!.pid)).toMatchObject({ process_group: started!.pid });
  expect(daemonStatus(queenIn(state_dir))).toMatchObject({ state: "running", pid: started!.pid });
  expect(await stopDaemon(queenIn(state_dir))).toBe(true);
  expect(identify(started!.pid)).toBeUndefined();
});

test("starting answers as soon as the process exists, long before it has anything to say", async () => {
  const state_dir = stateDir();
  const spec = { ...aDaemon(state_dir), args: ["-e", "setTimeout(() => {}, 120_000)"] };

  const started = await startDaemon(deps, { ...spec, url: "http://127.0.0.1:7833" });

  expect(started).toStrictEqual({
    pid: expect.any(Number),
    log_file: join(state_dir, "logs", "queen.log"),
    started_at_ms: 1_763_900_000_000,
    url: "http://127.0.0.1:7833",
    already_running: false,
  });
  expect(readFileSync(started.log_file, "utf8")).toBe("");
  expect(readPidFile(join(state_dir, "queen.pid"))).toStrictEqual({
    pid: started.pid,
    start_time: identify(started.pid)?.start_time,
    machine_boot: machineBoot(),
    started_at_ms: 1_763_900_000_000,
    url: "http://127.0.0.1:7833",
  });
});

test("eight that start the same at once start one, and all answer with it", async () => {
  const state_dir = stateDir();
  // What a crash left makes the race harder: all see it and want it gone.
  writeFileSync(join(state_dir, "queen.lock"), JSON.stringify({ pid: process.pid, start_time: 1, started_at_ms: 1 }));
  writePidFile(join(state_dir, "queen.pid"), { pid: process.pid, start_time: 1, started_at_ms: 1 });

  const answers = await startedBy(8, aDaemon(state_dir));

  const pid = readPidFile(join(state_dir, "queen.pid"))!.pid;
  expect(answers.map((answer) => answer.pid)).toEqual(Array(8).fill(pid));
  expect(answers.filter((answer) => !answer.already_running)).toHaveLength(1);
  await said(answers[0]!.log_file, /ready/);
  expect(readFileSync(answers[0]!.log_file, "utf8").match(/ready/g)).toHaveLength(1);
});

test("two names are two daemons, and two state directories too", async () => {
  const [here, there] = [stateDir(), stateDir()];
  const pids = await Promise.all(
    [aDaemon(here), { ...aDaemon(here), name: "up" }, aDaemon(there)].map(
      async (spec) => (await startDaemon(deps, spec)).pid,
    ),
  );
  expect(new Set(pids).size).toBe(3);

  await stopDaemon(queenIn(here));
  expect(pids.map((pid) => identify(pid) !== undefined)).toEqual([false, true, true]);
});

test("a daemon that was killed is stale, and can be started again", async () => {
  const state_dir = stateDir();
  const { pid } = await startDaemon(deps, aDaemon(state_dir));
  process.kill(pid, "SIGKILL");
  await gone(pid);
  expect(daemonStatus(queenIn(state_dir))).toStrictEqual({ state: "stale", pid, since_ms: 1_763_900_000_000 });

  const again = await startDaemon(deps, aDaemon(state_dir));

  expect(again.already_running).toBe(false);
  expect(again.pid).not.toBe(pid);
  expect(daemonStatus(queenIn(state_dir)).state).toBe("running");
});

test("stopping what does not run says so, and clears up after a crash", async () => {
  const state_dir = stateDir();
  expect(await stopDaemon(queenIn(state_dir))).toBe(false);
  expect(await stopDaemon(queenIn(join(state_dir, "nowhere")))).toBe(false);

  writePidFile(join(state_dir, "queen.pid"), { pid: 2 ** 22 + 1, start_time: 1, started_at_ms: 1 });
  expect(await stopDaemon(queenIn(state_dir))).toBe(false);
  expect(daemonStatus(queenIn(state_dir))).toEqual({ state: "stopped" });
});

test("a process that merely has the pid of an ended daemon is neither taken for it nor ended", async () => {
  const state_dir = stateDir();
  const stranger = spawn(process.execPath, ["-e", "setTimeout(() => {}, 120_000)"], {
    detached: true,
    stdio: "ignore",
  });
  endAfterwards(stranger.pid!);
  const { start_time, ...rest } = recordOf(stranger.pid!, 1);
  writePidFile(join(state_dir, "queen.pid"), { ...rest, start_time: (start_time ?? 0) - 1 });

  expect(daemonStatus(queenIn(state_dir)).state).toBe("stale");
  expect(await stopDaemon(queenIn(state_dir))).toBe(false);
  expect(identify(stranger.pid!)).toBeDefined();

  const started = await startDaemon(deps, aDaemon(state_dir));
  expect(started).toMatchObject({ already_running: false });
  expect(started.pid).not.toBe(stranger.pid);
});

test("one that does not listen to SIGTERM is killed after its grace, with its children", async () => {
  const state_dir = stateDir();
  const { pid, log_file } = await startDaemon(deps, aDaemon(state_dir, "--deaf", "--child", "--bare"));
  const child = Number(await said(log_file, /child (\d+)/));
  await said(log_file, /ready/);

  expect(await stopDaemon({ ...queenIn(state_dir), grace_ms: 50 })).toBe(true);

  expect([identify(pid), identify(child)]).toEqual([undefined, undefined]);
  expect(existsSync(join(state_dir, "queen.pid"))).toBe(false);
});

test("one that ends on SIGTERM and forgets its children leaves none of them, deaf or in another session", async () => {
  const state_dir = stateDir();
  const spec = aDaemon(state_dir, "--child", "--worker", join(state_dir, "elsewhere"));
  const { log_file } = await startDaemon(deps, spec);
  await said(log_file, /ready/);
  const pids = [Number(await said(log_file, /child (\d+)/)), Number(await said(log_file, /worker (\d+)/))];
  expect(pids.map((pid) => identify(pid) !== undefined)).toEqual([true, true]);

  expect(await stopDaemon(queenIn(state_dir))).toBe(true);

  expect(pids.map(identify)).toEqual([undefined, undefined]);
});

test("what outlived a daemon that was killed is ended by stopping it", async () => {
  const state_dir = stateDir();
  const { pid, log_file } = await startDaemon(deps, aDaemon(state_dir, "--child"));
  const child = Number(await said(log_file, /child (\d+)/));
  process.kill(pid, "SIGKILL");
  await gone(pid);
  expect(identify(child)).toBeDefined();

  expect(await stopDaemon(queenIn(state_dir))).toBe(true);
  expect(identify(child)).toBeUndefined();
});

test("a daemon that another daemon started goes on when that one is stopped", async () => {
  const [outer, inner] = [stateDir(), stateDir()];
  const { log_file } = await startDaemon(deps, aDaemon(outer, "--starts", inner));
  const pid = Number(await said(log_file, /inner (\d+)/));

  expect(await stopDaemon(queenIn(outer))).toBe(true);

  expect(daemonStatus({ name: "inner", state_dir: inner })).toMatchObject({ state: "running", pid });
});

test("a start that comes while it is being stopped waits, and starts it anew", async () => {
  const state_dir = stateDir();
  const first = await startDaemon(deps, aDaemon(state_dir, "--deaf"));
  await said(first.log_file, /ready/);

  const stopping = stopDaemon({ ...queenIn(state_dir), grace_ms: 100 });
  const second = await startDaemon(deps, aDaemon(state_dir));

  expect(await stopping).toBe(true);
  expect(second).toMatchObject({ already_running: false });
  expect(identify(first.pid)).toBeUndefined();
  expect(daemonStatus(queenIn(state_dir))).toMatchObject({ state: "running", pid: second.pid });
});

test("a daemon that wrote its own pid file keeps its word: its address is the one that is told", async () => {
  const state_dir = stateDir();
  const { pid } = await startDaemon(deps, { ...aDaemon(state_dir), url: "http://127.0.0.1:1" });
  writePidFile(join(state_dir, "queen.pid"), recordOf(pid, 5, { url: "http://127.0.0.1:2" }));

  expect(daemonStatus(queenIn(state_dir))).toStrictEqual({
    state: "running",
    pid,
    url: "http://127.0.0.1:2",
    since_ms: 5,
  });
  expect(await startDaemon(deps, aDaemon(state_dir))).toMatchObject({
    url: "http://127.0.0.1:2",
    already_running: true,
  });
});

test("everything in the state directory is its owner's alone", async () => {
  const state_dir = join(stateDir(), "deep", "state");
  const before = process.umask(0);
  const { log_file } = await startDaemon(deps, aDaemon(state_dir)).finally(() => process.umask(before));
  await said(log_file, /ready/);
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
  expect([state_dir, join(state_dir, "logs"), join(state_dir, "queen.pid"), log_file].map(modeOf)).toEqual([
    "700",
    "700",
    "600",
    "600",
  ]);
  await stopDaemon(queenIn(state_dir));
  expect(readdirSync(state_dir)).toEqual(["logs"]);
});

test("a program that is not there, or may not be run, is named", async () => {
  const state_dir = stateDir();
  writeFileSync(join(state_dir, "text"), "");
  for (const command of ["no-such-program-anywhere", join(state_dir, "text")]) {
    await expect(startDaemon(deps, { ...aDaemon(state_dir), command })).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining(`Cannot start ${command}: `),
    });
  }
  expect(daemonStatus(queenIn(state_dir))).toEqual({ state: "stopped" });
});

test("a log or a state directory that cannot be used is named, and nothing is started", async () => {
  const state_dir = stateDir();
  mkdirSync(join(state_dir, "logs", "queen.log"), { recursive: true });
  await expect(startDaemon(deps, aDaemon(state_dir))).rejects.toMatchObject({
    message: expect.stringMatching(/Cannot write the log .*queen\.log: it is a directory/),
  });
  writeFileSync(join(state_dir, "file"), "");
  await expect(startDaemon(deps, aDaemon(join(state_dir, "file", "state")))).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringContaining("a part of the path is a file"),
  });
  expect(daemonStatus(queenIn(state_dir))).toEqual({ state: "stopped" });
});

test("a directory that this user may not write is named, with what to do", async () => {
  const directory = stateDir();
  chmodSync(directory, 0o555);
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined) throw new Error("this story needs POSIX users");
  const me = geteuid();
  // The superuser may write everywhere, so the story is told by another user then.
  if (me === 0) seteuid(65_534);
  try {
    for (const state_dir of [directory, join(directory, "state")]) {
      await expect(startDaemon(deps, aDaemon(state_dir))).rejects.toMatchObject({
        code: "INTERNAL",
        message: expect.stringMatching(/permission denied\. Give this user access to .*, or use another --state-dir/),
      });
    }
  } finally {
    if (me === 0) seteuid(0);
    chmodSync(directory, 0o700);
  }
});

test("a name that would lead out of the state directory is refused", async () => {
  for (const name of ["", "..", "../queen", "a/b", "a b", "-x", "x".repeat(81)]) {
    await expect(startDaemon(deps, { ...aDaemon(stateDir()), name })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
  }
});

test("its environment is what was given, and its output one log", async () => {
  const state_dir = stateDir();
  const env = { PATH: process.env.PATH, FRUIT: "pear", NOTHING: undefined };
  const { log_file } = await startDaemon(deps, { ...aDaemon(state_dir, "--show-env", "FRUIT", "--say", "hello"), env });
  expect(await said(log_file, /FRUIT=(.*)/)).toBe("pear");
  await said(log_file, /hello/);
});

test.each([
  ["its own place", undefined],
  ["where it is told to", "elsewhere.log"],
])("a daemon is told which file is its log, at %s, whatever its starter's is", async (_, name) => {
  const state_dir = stateDir();
  const env = { ...process.env, HIVE_LOG_FILE: "/the/starter's.log" };
  const asked = name === undefined ? {} : { log_file: join(state_dir, name) };

  const spec = { ...aDaemon(state_dir, "--show-env", "HIVE_LOG_FILE"), env, ...asked };
  const { log_file } = await startDaemon(deps, spec);

  expect(log_file).toBe(asked.log_file ?? join(state_dir, "logs", "queen.log"));
  expect(await said(log_file, /^HIVE_LOG_FILE=(.+)$/m)).toBe(log_file);
});
