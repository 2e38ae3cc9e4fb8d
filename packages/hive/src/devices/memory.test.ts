import { expect, test } from "vitest";
import { cgroupLimits, parseMeminfo, readMemory } from "./memory.ts";

const GIB = 2 ** 30;
const MEMINFO = "MemTotal:       33554432 kB\nMemFree:         1000000 kB\nMemAvailable:   25165824 kB\n";
const read = (files: Record<string, string>) => (path: string) => files[path];
const nowhere = () => ({ total_bytes: 8 * GIB, available_bytes: 4 * GIB });

test("memory is what the kernel says new programs can have, not what is free", () => {
  expect(readMemory(read({ "/proc/meminfo": MEMINFO }), nowhere)).toEqual({
    total_bytes: 32 * GIB,
    available_bytes: 24 * GIB,
  });
});

test("without /proc it is what the system tells Node", () => {
  expect(readMemory(read({}), nowhere)).toEqual({ total_bytes: 8 * GIB, available_bytes: 4 * GIB });
  expect(parseMeminfo("MemTotal: 1 kB")).toBeUndefined();
});

test("a cgroup v2 limit counts where it is less; unused file pages under it count as free", () => {
  const files = {
    "/proc/meminfo": MEMINFO,
    "/proc/self/cgroup": "0::/system.slice/hive.service\n",
    "/sys/fs/cgroup/system.slice/hive.service/memory.max": `${8 * GIB}\n`,
    "/sys/fs/cgroup/system.slice/hive.service/memory.current": `${5 * GIB}\n`,
    "/sys/fs/cgroup/system.slice/hive.service/memory.stat": `anon 1\ninactive_file ${2 * GIB}\n`,
    "/sys/fs/cgroup/system.slice/memory.max": "max\n",
  };
  expect(readMemory(read(files), nowhere)).toEqual({ total_bytes: 8 * GIB, available_bytes: 5 * GIB });
});

test("a limit of a group around one's own counts too", () => {
  const files = {
    "/proc/self/cgroup": "0::/a/b\n",
    "/sys/fs/cgroup/a/b/memory.max": "max\n",
    "/sys/fs/cgroup/a/memory.max": `${2 * GIB}\n`,
    "/sys/fs/cgroup/a/memory.current": `${GIB}\n`,
  };
  expect(cgroupLimits(read(files))).toEqual([{ limit_bytes: 2 * GIB, room_bytes: GIB }]);
});

test("inside a container, where the path of the host leads nowhere, the root's limit counts", () => {
  const files = {
    "/proc/meminfo": MEMINFO,
    "/proc/self/cgroup": "0::/docker/abc\n",
    "/sys/fs/cgroup/memory.max": `${4 * GIB}\n`,
    "/sys/fs/cgroup/memory.current": `${GIB}\n`,
  };
  expect(readMemory(read(files), nowhere)).toEqual({ total_bytes: 4 * GIB, available_bytes: 3 * GIB });
});

test("cgroup v1: a limit counts, and its way of writing none does not", () => {
  const group = "9:name=systemd:/\n4:memory:/job\n1:cpu:/\n0::/\n";
  const limited = {
    "/proc/self/cgroup": group,
    "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": `${3 * GIB}\n`,
    "/sys/fs/cgroup/memory/job/memory.usage_in_bytes": `${GIB}\n`,
  };
  expect(cgroupLimits(read(limited))).toEqual([{ limit_bytes: 3 * GIB, room_bytes: 2 * GIB }]);
  const unlimited = {
    "/proc/self/cgroup": group,
    "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": "9223372036854771712\n",
  };
  expect(cgroupLimits(read(unlimited))).toEqual([]);
});

test("a group that uses more than its limit has no room, not a negative one", () => {
  const files = {
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/memory.max": `${GIB}\n`,
    "/sys/fs/cgroup/memory.current": `${2 * GIB}\n`,
  };
  expect(readMemory(read(files), nowhere)).toEqual({ total_bytes: GIB, available_bytes: 0 });
});
