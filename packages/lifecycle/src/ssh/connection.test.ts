import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { until } from "../processes/signal.ts";
import { machines } from "../testing/machines.ts";
import type { Sshd } from "../testing/sshd.ts";
import { type SshConnection, sshConnection } from "./connection.ts";

const { aMachine, afterwards } = machines();

function connectionTo(sshd: Sshd, more: Partial<Sshd["ssh"]> = {}): SshConnection {
  const connection = sshConnection({ env: process.env }, { ...sshd.ssh, ...more });
  afterwards(() => connection.close());
  return connection;
}

const run = (connection: SshConnection, script: string, ...args: readonly string[]) =>
  connection.run({ what: "A script", script, args, limitMs: 20_000 });
const foldersOfSockets = () => readdirSync(tmpdir()).filter((name) => name.startsWith("hive-ssh-"));

test("a script gets its arguments as they are, whatever is in them, and its own words and status come back", async () => {
  const connection = connectionTo(await aMachine());
  const hostile = ["", " a  b ", "'", "\\", "a\\'b", "$(touch ~/x) `id`", "; exit 9 #", "-n", "é\n'\n", "!!", "*"];

  const { code, stdout, stderr } = await run(
    connection,
    'for one; do printf "[%s]" "$one"; done; echo why >&2; ls -A ~; exit 255',
    ...hostile,
  );

  expect(stdout).toBe(hostile.map((one) => `[${one}]`).join(""));
  expect([code, stderr]).toEqual([255, "why\n"]);
});

test("what is sent after a script is its commands' to read, of any size and with any byte", async () => {
  const sshd = await aMachine();
  const connection = connectionTo(sshd);
  const file = join(sshd.home, "here");
  writeFileSync(file, Buffer.from(Array.from({ length: 1_000_003 }, (_, at) => at % 256)));

  const ran = await connection.run({
    what: "A copy",
    script: 'IFS= read -r first; cat >"$1"; echo "$first"',
    args: [join(sshd.home, "there")],
    input: ["one line\n", { file }],
    limitMs: 20_000,
  });

  expect(ran).toEqual({ code: 0, stdout: "one line\n", stderr: "" });
  expect(readFileSync(join(sshd.home, "there")).equals(readFileSync(file))).toBe(true);
});

test("all scripts go over one connection, whose socket is its owner's alone and goes with it", async () => {
  const sshd = await aMachine();
  const before = foldersOfSockets();
  const connection = connectionTo(sshd);
  const port = async () => (await run(connection, 'echo "$SSH_CONNECTION"')).stdout;
  expect(await port()).toBe(await port());

  const made = foldersOfSockets().filter((name) => !before.includes(name));
  const modes = made.map((name) => statSync(join(tmpdir(), name)).mode & 0o777);
  expect(new Set(modes)).toEqual(new Set([0o700]));

  await connection.close();
  await connection.close();
  expect(await until(() => sshd.processes().length === 0, 20_000)).toBe(true);
});

test("a machine whose profile talks is understood, and of much output the end is kept", async () => {
  const sshd = await aMachine();
  writeFileSync(join(sshd.home, ".bashrc"), "echo welcome; echo 'no quota left' >&2\n");
  const connection = connectionTo(sshd);
  expect((await run(connection, "echo here")).stdout).toBe("here\n");

  const { stdout } = await run(connection, "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done");
  expect(stdout.length).toBeLessThanOrEqual(65_536);
  expect(stdout.slice(-11)).toBe("line 29999\n");
});

test("a connection that is lost is told, and made again by the next script", async () => {
  const sshd = await aMachine();
  const connection = connectionTo(sshd);
  await connection.connect();
  const cut = run(connection, 'echo started >"$HOME/started"; exec sleep 60');
  cut.catch(() => undefined);
  expect(await until(() => existsSync(join(sshd.home, "started")), 20_000)).toBe(true);

  sshd.cut();

  await expect(cut).rejects.toMatchObject({
    code: "SSH_FAILED",
    message: "The connection to machine was lost. The same command again finishes what was begun",
  });
  expect((await run(connection, "echo again")).stdout).toBe("again\n");
});

test("cancelled, it answers within 100 ms, whether it connects or runs something", async () => {
  const sshd = await aMachine();
  const connection = connectionTo(sshd);
  const early = new AbortController();
  const connecting = connection.connect({ signal: early.signal });
  early.abort();
  await expect(connecting).rejects.toMatchObject({ code: "CANCELLED" });
  await expect(connection.connect({ signal: early.signal })).rejects.toMatchObject({ code: "CANCELLED" });

  const late = new AbortController();
  const running = connection.run(
    { what: "A nap", script: 'echo >"$HOME/napping"; exec sleep 60', limitMs: 60_000 },
    { signal: late.signal },
  );
  running.catch(() => undefined);
  expect(await until(() => existsSync(join(sshd.home, "napping")), 20_000)).toBe(true);
  const before = performance.now();
  late.abort();
  await expect(running).rejects.toMatchObject({ code: "CANCELLED", message: "It was cancelled: A nap" });
  expect(performance.now() - before).toBeLessThan(100);
  expect((await run(connection, "echo on")).stdout).toBe("on\n");
});

test("what takes longer than it may is given up, with its last words", async () => {
  const connection = connectionTo(await aMachine());
  await connection.connect();
  await expect(
    connection.run({ what: "A long nap", script: "echo snore >&2; exec sleep 60", limitMs: 1_500 }),
  ).rejects.toMatchObject({ code: "TIMEOUT", details: { output_tail: "snore" } });
});
