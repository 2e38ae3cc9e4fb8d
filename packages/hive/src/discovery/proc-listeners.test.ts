import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import { aFolder } from "../workers/testing/fake-worker.ts";
import { LsofListeners } from "./lsof.ts";
import { ProcListeners } from "./proc-listeners.ts";
import { systemProcesses } from "./processes.ts";

/** A /proc of its own. */
function aProc() {
  const root = aFolder();
  mkdirSync(join(root, "self/net"), { recursive: true });
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  return {
    source: new ProcListeners(root),
    listening(...rows: readonly { readonly port: number; readonly inode: number; readonly uid?: number }[]): void {
      const lines = rows.map(
        ({ port, inode, uid = 1_000 }, at) =>
          `   ${at}: 0100007F:${hex(port)} 00000000:0000 0A 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0 100 0 0 10 0`,
      );
      writeFileSync(join(root, "self/net/tcp"), ["  sl  local_address", ...lines, ""].join("\n"));
    },
    /** As the kernel counts: sockets in use, and those of them that are connected. */
    counted(inUse: number, connected: number): void {
      writeFileSync(
        join(root, "self/net/sockstat"),
        `sockets: used 9\nTCP: inuse ${inUse} orphan 0 tw 3 alloc 9 mem 1\n`,
      );
      writeFileSync(join(root, "self/net/snmp"), `Tcp: RtoMin ActiveOpens CurrEstab\nTcp: 200 7 ${connected}\n`);
    },
    process(pid: number, startTime: number, ...inodes: readonly number[]): void {
      mkdirSync(join(root, `${pid}/fd`), { recursive: true });
      const rest = `S 1 ${"0 ".repeat(17)}${startTime} 0`;
      writeFileSync(join(root, `${pid}/stat`), `${pid} (a server) ${rest}`);
      for (const inode of inodes) symlinkSync(`socket:[${inode}]`, join(root, `${pid}/fd/${inode}`));
    },
  };
}

const every = () => true;

test("each socket is its process's; of several that inherited one it is the eldest's", async () => {
  const { source, listening, process: aProcess } = aProc();
  listening({ port: 8_000, inode: 10 }, { port: 11_434, inode: 11 });
  aProcess(300, 5_000, 10);
  aProcess(299, 7_000, 10, 11);
  expect((await source.list(every))?.map(({ port, pid }) => [port, pid])).toEqual([
    [8_000, 300],
    [11_434, 299],
  ]);
});

test("a socket of a process that may not be looked at has no pid, and its user", async () => {
  const { source, listening } = aProc();
  listening({ port: 11_434, inode: 11, uid: 998 });
  expect(await source.list(every)).toEqual([{ address: "127.0.0.1", port: 11_434, uid: 998 }]);
});

test("a process that was there before may begin to listen later", async () => {
  const { source, listening, process: aProcess } = aProc();
  listening({ port: 8_000, inode: 10 });
  aProcess(300, 1, 10);
  await source.list(every);
  aProcess(301, 2, 12);
  aProcess(300, 1, 13);
  listening({ port: 8_000, inode: 10 }, { port: 8_001, inode: 12 }, { port: 8_002, inode: 13 });
  expect((await source.list(every))?.map(({ pid }) => pid)).toEqual([300, 301, 300]);
});

test("the tables are read when the number of listeners changes, when something ended, and now and then", async () => {
  const { source, listening, counted } = aProc();
  const ports = async () => (await source.list(every))?.map(({ port }) => port);
  counted(5, 4);
  listening({ port: 8_000, inode: 10 });
  expect(await ports()).toEqual([8_000]);

  listening({ port: 8_001, inode: 11 });
  counted(7, 6);
  expect([await ports(), await ports(), await ports()]).toEqual([[8_000], [8_000], [8_001]]);

  listening({ port: 8_002, inode: 12 });
  source.doubt();
  expect(await ports()).toEqual([8_002]);

  listening({ port: 8_003, inode: 13 });
  counted(8, 6);
  expect(await ports()).toEqual([8_003]);
});

test("ports that nobody wants are left out", async () => {
  const { source, listening } = aProc();
  listening({ port: 22, inode: 10 }, { port: 8_000, inode: 11 });
  expect((await source.list((port) => port !== 22))?.map(({ port }) => port)).toEqual([8_000]);
});

test("where there is no such table it cannot be told", async () => {
  expect(await new ProcListeners(aFolder()).list(every)).toBeUndefined();
  expect(await new LsofListeners("/nowhere/lsof").list(every)).toBeUndefined();
});

test("a process that ended has ended, also while its parent has not asked for its exit code", async () => {
  expect(systemProcesses.lifeOf(process.pid)?.lives()).toBe(true);
  // The shell is busy with sleeping, so its child stays a zombie.
  const shell = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void shell.kill("SIGKILL"));
  const [said] = (await once(shell.stdout, "data")) as [Buffer];
  const life = systemProcesses.lifeOf(Number(said.toString()));
  await eventually("the child is seen to have ended", () => life === undefined || !life.lives());
  life?.release();
  const shellsLife = systemProcesses.lifeOf(shell.pid as number);
  expect(shellsLife?.lives()).toBe(true);
  shell.kill("SIGKILL");
  await once(shell, "exit");
  expect(shellsLife?.lives()).toBe(false);
  shellsLife?.release();
});

test("a process's ancestors are named nearest first, and its words as it was started with", async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  expect((await systemProcesses.ancestorsOf(child.pid as number)).slice(0, 2)).toEqual([process.pid, process.ppid]);
  expect(await systemProcesses.wordsOf(child.pid as number)).toEqual(["sleep", "60"]);
});

test("a listener of this very process is listed with its pid", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { readonly port: number };
  const expected = process.platform === "linux" ? [{ address: "127.0.0.1", port, pid: process.pid }] : undefined;
  const found = await new ProcListeners().list((one) => one === port);
  expect(found?.map(({ uid: _whose, ...one }) => one)).toEqual(expected);
});
