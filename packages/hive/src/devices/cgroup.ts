/** The control groups that this process is in: what a container, a service or a batch job may use of the machine. */
import type { ReadText } from "./files.ts";

/** A folder of one group, and whether its files are those of version 2. */
export interface Group {
  readonly folder: string;
  readonly v2: boolean;
}

/**
 * The groups that limit `controller` for this process, its own first, then all around it. Inside a container, where the
 * host's path leads nowhere, the root is the container's own group; folders that do not exist are harmless.
 */
export function groupsOf(controller: "memory" | "cpu" | "cpuset" | "cpuacct", read: ReadText): Group[] {
  const groups: Group[] = [];
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, hierarchy, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const v2 = hierarchy === "0" && controllers === "";
    if (!v2 && controllers?.split(",").includes(controller) !== true) continue;
    const mount = v2 ? "/sys/fs/cgroup" : `/sys/fs/cgroup/${controller}`;
    groups.push(...withParents(path).map((folder) => ({ folder: mount + folder, v2 })));
  }
  return groups;
}

/** `/a/b` → `/a/b`, `/a` and the root. */
function withParents(path: string): string[] {
  const folders: string[] = [];
  for (let folder = path.replace(/\/+$/, ""); folder !== ""; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    folders.push(folder);
  }
  return [...folders, ""];
}

/** How many CPUs a list such as `0-3,8` names; undefined when it is none. */
export function cpusIn(list: string | undefined): number | undefined {
  const parts = list?.trim().split(",") ?? [];
  let count = 0;
  for (const part of parts) {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (from === undefined || to === undefined) return undefined;
    count += Number(to) - Number(from) + 1;
  }
  return count > 0 ? count : undefined;
}

/** CPUs' worth of time that a group may use: `200000 100000` is 2; undefined when it is not limited. */
export function quotaIn(quota: string | undefined, period: string | undefined): number | undefined {
  const [share, whole] = [Number(quota?.trim()), Number(period?.trim())];
  return share > 0 && whole > 0 ? share / whole : undefined;
}

/** The least that any of the groups allows, CPUs; Infinity when none limits it. May be less than 1. */
export function cpuLimit(read: ReadText): number {
  const quotas = groupsOf("cpu", read).map(({ folder, v2 }) => {
    if (!v2) return quotaIn(read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`));
    const [share, whole] = (read(`${folder}/cpu.max`) ?? "").split(" ");
    return quotaIn(share, whole);
  });
  const sets = groupsOf("cpuset", read).map(({ folder, v2 }) =>
    cpusIn(read(`${folder}/${v2 ? "cpuset.cpus.effective" : "cpuset.effective_cpus"}`)),
  );
  return Math.min(...[...quotas, ...sets].filter((limit) => limit !== undefined));
}

/** CPU time that this process's own group has used since it was made, seconds. */
export function groupCpuSeconds(read: ReadText): number | undefined {
  for (const { folder } of groupsOf("cpuacct", read)) {
    const usec = /^usage_usec (\d+)$/m.exec(read(`${folder}/cpu.stat`) ?? "")?.[1];
    if (usec !== undefined) return Number(usec) / 1e6;
    const ns = read(`${folder}/cpuacct.usage`)?.trim();
    if (ns !== undefined && /^\d+$/.test(ns)) return Number(ns) / 1e9;
  }
  return undefined;
}
