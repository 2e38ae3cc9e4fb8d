import { spawn } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../clock.ts";
import { eventually } from "../testing/eventually.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import {
  childrenIn,
  cpuSecondsBetween,
  type ProcessStat,
  parseResident,
  parseStat,
  readProcesses,
  readStat,
  treeOf,
} from "./process-tree.ts";
import { UsageMeter } from "./usage.ts";

const aProcess = (pid: number, parent_pid: number, part: Partial<ProcessStat> = {}): ProcessStat => ({
  pid,
  parent_pid,
  zombie: false,
  cpu_s: 0,
  start_time: pid,
  ...part,
});
const asMap = (...stats: ProcessStat[]) => new Map(stats.map((stat) => [stat.pid, stat]));

test("/proc/PID/stat is read behind the name, whatever the name holds", () => {
  const fields = "S 1 4711 4711 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 11 0 123456 1000 200";
  const read = { pid: 4711, parent_pid: 1, zombie: false, cpu_s: 3, start_time: 123_456 };
  expect(parseStat(`4711 (node) ${fields}`)).toEqual(read);
  expect(parseStat(`4711 (a b) S 9 (x) ${fields}`)).toEqual(read);
  expect(parseStat(`4711 (old) ${fields.replace("S", "Z")}`)).toMatchObject({ zombie: true });
  for (const broken of ["", "4711", "4711 (node", "x (node) S", "4711 (node) S 1 2"])
    expect(parseStat(broken)).toBeUndefined();
});

test("a tree is a process and all that descend from it, in whatever order they are listed", () => {
  const processes = asMap(
    aProcess(40, 30),
    aProcess(10, 1),
    aProcess(20, 10),
    aProcess(30, 20),
    aProcess(50, 1),
    aProcess(1, 0),
  );
  expect(
    treeOf(10, processes)
      .map(({ pid }) => pid)
      .sort(),
  ).toEqual([10, 20, 30, 40]);
  expect(treeOf(99, processes)).toEqual([]);
});

test("trees of many workers are found with one look at who is whose child", () => {
  const processes = asMap(aProcess(1, 0), aProcess(10, 1), aProcess(20, 1), aProcess(11, 10), aProcess(21, 20));
  const children = childrenIn(processes);
  expect([10, 20].map((pid) => treeOf(pid, processes, children).map((stat) => stat.pid))).toEqual([
    [10, 11],
    [20, 21],
  ]);
});

test("what a process made is told apart from pages of files it reads through memory", () => {
  // A llama-server with a model of 4 GiB mapped; *constructed*, in the format of /proc/PID/status.
  const status =
    "Name:\tllama-server\nVmRSS:\t 4718592 kB\nRssAnon:\t  491520 kB\nRssFile:\t 4194304 kB\nRssShmem:\t   32768 kB\n";
  expect(parseResident(status)).toEqual({ own_bytes: 524_288 * 1_024, file_bytes: 4_194_304 * 1_024 });
  expect(parseResident("VmRSS:\t 100 kB\n")).toEqual({ own_bytes: 102_400, file_bytes: 0 });
  expect(parseResident("Name:\tkthreadd\n")).toBeUndefined();
});

test("a process whose parent is itself, or a ring, does not hang the look", () => {
  expect(treeOf(1, asMap(aProcess(1, 1), aProcess(2, 3), aProcess(3, 2)))).toHaveLength(1);
});

test("CPU time of a tree counts what came in between whole, and never a pid's former owner", () => {
  const before = [aProcess(1, 0, { cpu_s: 5 }), aProcess(2, 1, { cpu_s: 100, start_time: 7 })];
  const after = [
    aProcess(1, 0, { cpu_s: 6 }),
    aProcess(2, 1, { cpu_s: 2, start_time: 8 }),
    aProcess(3, 1, { cpu_s: 0.5 }),
  ];
  expect(cpuSecondsBetween(before, after)).toBe(3.5);
  expect(cpuSecondsBetween(after, [])).toBe(0);
});

const gpu = (index: number, uuid: string, percent: number | null) => ({
  index,
  info: {
    id: uuid,
    backend: "cuda",
    name: "GPU",
    vram_total_bytes: 1e9,
    vram_free_bytes: 1e8,
    utilization_percent: percent,
    temperature_c: null,
    power_w: null,
    uuid,
    driver: null,
  },
});

function aMeter(looks: ReadonlyMap<number, ProcessStat>[], clock = new FakeClock()) {
  const meter = new UsageMeter({
    clock,
    processes: async () => looks.shift() as Map<number, ProcessStat>,
    resident: (pid) => (pid === 3 ? undefined : { own_bytes: pid * 1_000, file_bytes: 0 }),
    cores: 4,
  });
  return { meter, clock };
}

test("a worker's memory and CPU are those of its whole tree, CPU as a share of all cores", async () => {
  const { meter, clock } = aMeter([
    asMap(aProcess(10, 1, { cpu_s: 1 }), aProcess(11, 10, { cpu_s: 1 })),
    asMap(aProcess(10, 1, { cpu_s: 2 }), aProcess(11, 10, { cpu_s: 5 })),
  ]);
  const first = await meter.measure([10], [], undefined);
  expect(first.get(10)).toEqual({ ram_bytes: 21_000 });
  clock.advance(5_000);
  const second = await meter.measure([10], [], undefined);
  expect(second.get(10)).toEqual({ ram_bytes: 21_000, cpu_percent: 25 });
});

test("a pid that belongs to another process by now has no CPU share yet", async () => {
  const { meter, clock } = aMeter([
    asMap(aProcess(10, 1, { cpu_s: 1, start_time: 1 })),
    asMap(aProcess(10, 1, { cpu_s: 2, start_time: 2 })),
  ]);
  await meter.measure([10], [], undefined);
  clock.advance(1_000);
  expect((await meter.measure([10], [], undefined)).get(10)).not.toHaveProperty("cpu_percent");
});

test("device memory is summed over the tree, and the device's use is told with it", async () => {
  const { meter } = aMeter([asMap(aProcess(10, 1), aProcess(11, 10))]);
  const memory = [
    { pid: 10, device: "GPU-a", vram_bytes: 100 },
    { pid: 11, device: "GPU-b", vram_bytes: 500 },
    { pid: 99, device: "GPU-a", vram_bytes: 9_999 },
  ];
  const usage = await meter.measure([10], [gpu(0, "GPU-a", 5), gpu(1, "GPU-b", 77)], memory);
  expect(usage.get(10)).toMatchObject({ vram_bytes: 600, device_id: 1, gpu_percent: 77, backend: "cuda" });
});

const GIB = 2 ** 30;
const mapped = { own_bytes: 0.5 * GIB, file_bytes: 4 * GIB };

test.each([
  ["on the processor: its mapped file is the memory it needs", undefined, 4.5],
  ["wholly on a GPU: the file it was copied from does not count again", 4.25, 0.5],
  ["half on a GPU: the other half of the file counts", 2, 2.5],
])("a model %s", async (_where, vramGib, ramGib) => {
  const meter = new UsageMeter({
    clock: new FakeClock(),
    processes: async () => asMap(aProcess(10, 1)),
    resident: () => mapped,
  });
  const told = vramGib === undefined ? undefined : [{ pid: 10, device: "GPU-a", vram_bytes: vramGib * GIB }];
  const usage = await meter.measure([10], [gpu(0, "GPU-a", 5)], told);
  expect(usage.get(10)?.ram_bytes).toBe(ramGib * GIB);
});

test("where drivers tell it of each process, only workers' processes are asked, and only on such a machine", async () => {
  const asked: number[] = [];
  const meter = new UsageMeter({
    clock: new FakeClock(),
    processes: async () => asMap(aProcess(10, 1), aProcess(11, 10), aProcess(99, 1)),
    resident: () => undefined,
    deviceMemory: (pid, devices) => {
      asked.push(pid);
      return pid === 11 ? [{ pid, device: devices[0]?.info.id ?? "", vram_bytes: 7 }] : [];
    },
  });
  const amd = { ...gpu(2, "0000:03:00.0", 30), pci_address: "0000:03:00.0" };
  const usage = await meter.measure([10], [gpu(0, "GPU-a", 5), amd], [{ pid: 99, device: "GPU-a", vram_bytes: 9_999 }]);
  expect(usage.get(10)).toEqual({ vram_bytes: 7, device_id: 2, gpu_percent: 30, backend: "cuda" });
  expect(asked).toEqual([10, 11]);
  await meter.measure([10], [gpu(0, "GPU-a", 5)], undefined);
  expect(asked).toEqual([10, 11]);
});

test("what cannot be told is absent, never zero", async () => {
  const { meter } = aMeter([asMap(aProcess(3, 1)), asMap()]);
  const usage = await meter.measure([3], [gpu(0, "GPU-a", null)], [{ pid: 3, device: "GPU-a", vram_bytes: 7 }]);
  expect(usage.get(3)).toEqual({ vram_bytes: 7, device_id: 0, backend: "cuda" });
  expect((await meter.measure([3], [], undefined)).has(3)).toBe(false);
});

test("a real process and its child are seen with real memory and CPU", async () => {
  const burn =
    "require('node:child_process').spawn(process.execPath, ['-e', 'for(;;);'], {stdio: 'inherit'}); setInterval(() => {}, 1000)";
  const child = spawn(process.execPath, ["-e", burn], { stdio: "ignore", detached: true });
  const pid = child.pid as number;
  onTestFinished(() => void process.kill(-pid, "SIGKILL"));
  const meter = new UsageMeter({ clock: systemClock });
  const seen = await eventually("both processes burn", async () => {
    const tree = treeOf(pid, (await readProcesses()) ?? new Map());
    const usage = (await meter.measure([pid], [], undefined)).get(pid);
    return tree.length === 2 && (usage?.cpu_percent ?? 0) > 1 && usage;
  });
  expect(seen.ram_bytes).toBeGreaterThan(20e6);
  expect(seen.cpu_percent).toBeLessThanOrEqual(100);
  expect(readStat(pid)?.start_time).toBeGreaterThan(0);
});
