import { describe, expect, test } from "vitest";
import { cpuLimit, cpusIn } from "./cgroup.ts";
import { busyPercent, type CpuTimes, coreCount, coreRoom, cpuMeter, cpuModel, groupCpuMeter } from "./cpu.ts";

const core = (busy: number, idle: number): CpuTimes => ({ times: { user: busy, nice: 0, sys: 0, irq: 0, idle } });

test("CPU use is the busy share of all cores between two looks", () => {
  expect(busyPercent([core(0, 0), core(100, 100)], [core(100, 0), core(100, 200)])).toBe(50);
  expect(busyPercent([core(5, 5)], [core(5, 5)])).toBeNull();
});

test("each answer covers the time since the one before", () => {
  const looks = [[core(0, 0)], [core(30, 70)], [core(130, 70)]];
  const measure = cpuMeter(() => looks.shift() ?? []);
  expect(measure()).toBe(30);
  expect(measure()).toBe(100);
});

test("this machine has a processor with a name and at least one core", () => {
  expect(coreCount()).toBeGreaterThanOrEqual(1);
  expect(cpuModel()).not.toBe("");
});

describe("in a container", () => {
  const read = (files: Record<string, string>) => (path: string) => files[path];
  const V2 = { "/proc/self/cgroup": "0::/\n" };
  const V1 = { "/proc/self/cgroup": "3:cpuset:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n" };

  test.each([
    ["no limit", { ...V2, "/sys/fs/cgroup/cpu.max": "max 100000\n" }, 64],
    ["two cores' worth of time", { ...V2, "/sys/fs/cgroup/cpu.max": "200000 100000\n" }, 2],
    ["half a core", { ...V2, "/sys/fs/cgroup/cpu.max": "50000 100000\n" }, 0.5],
    ["a set of cores", { ...V2, "/sys/fs/cgroup/cpuset.cpus.effective": "0-3,8,10-11\n" }, 7],
    ["v1 without a limit", { ...V1, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n" }, 64],
    [
      "v1 with a limit",
      {
        ...V1,
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/cpuset/cpuset.effective_cpus": "0-7\n",
      },
      1.5,
    ],
    ["files that say nonsense", { ...V2, "/sys/fs/cgroup/cpu.max": "many few\n" }, 64],
    ["no files at all", {}, 64],
  ])("with %s, there is so much room on 64 cores", (_what, files: Record<string, string>, room) => {
    expect(coreRoom(read(files), 64)).toBe(room);
    expect(coreCount(read(files), 64)).toBe(Math.ceil(room));
  });

  test("the tightest of all groups around one's own counts", () => {
    const files = {
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/b/cpu.max": "800000 100000\n",
      "/sys/fs/cgroup/a/cpu.max": "300000 100000\n",
    };
    expect(cpuLimit(read(files))).toBe(3);
    expect(cpusIn("0-")).toBeUndefined();
    expect(cpusIn("")).toBeUndefined();
  });

  test.each([
    [
      "v2",
      (used_s: number) => ({
        ...V2,
        "/sys/fs/cgroup/cpu.max": "200000 100000\n",
        "/sys/fs/cgroup/cpu.stat": `usage_usec ${used_s * 1e6}\nuser_usec 1\n`,
      }),
    ],
    [
      "v1",
      (used_s: number) => ({
        ...V1,
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/cpuacct/cpuacct.usage": `${used_s * 1e9}\n`,
      }),
    ],
  ])("the use is that of the allowed part, not of the machine (%s)", (_version, filesAt) => {
    let [used_s, nowMs] = [100, 5_000];
    const deps = { read: (path: string) => read(filesAt(used_s))(path), nowMs: () => nowMs, cores: 64 };
    const measure = groupCpuMeter(deps);
    [used_s, nowMs] = [101, 6_000];
    expect(measure?.()).toBe(50);
    expect(measure?.()).toBeNull();
    [used_s, nowMs] = [109, 7_000];
    expect(measure?.()).toBe(100);
  });

  test("without a limit it is the machine's use that counts", () => {
    const files = { ...V2, "/sys/fs/cgroup/cpu.stat": "usage_usec 5\n" };
    expect(groupCpuMeter({ read: read(files), nowMs: () => 0, cores: 4 })).toBeUndefined();
  });
});
