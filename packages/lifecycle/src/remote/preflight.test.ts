import { expect, test } from "vitest";
import { readPreflight } from "./preflight.ts";

const read = (...lines: readonly string[]) =>
  readPreflight([...lines, "done=yes", ""].join("\n"), { host: "desk", port: 7_835 });

const INSTALLED = {
  ...{ hive_id: "desk", queen_id: "q", queen_url: "http://q:7833", version: "0.1.0-abc", port: 7_835 },
  ...{ service: false, running: true, since_ms: 5, join_token_sha256: "ab" },
};

test("what a Linux machine says is read", () => {
  expect(
    read(
      "os=Linux",
      "arch=x86_64",
      "hostname=desk",
      "disk=/dev/nvme0n1p2 479152840 102340000 352400512  23% /",
      "memory=MemTotal:       65738404 kB",
      "node=v18.19.1 /usr/bin/node",
      "node=v22.3.0 /home/ada/.nvm/versions/node/v22.3.0/bin/node",
      "node=v20.19.4 /home/ada/.nvm/versions/node/v20.19.4/bin/node",
      "nvidia=GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-5c1d)",
      "nvidia=GPU 1: NVIDIA GeForce RTX 3060 (UUID: GPU-77aa)",
      "pci=00:02.0 VGA compatible controller: Intel Corporation UHD Graphics 770 (rev 0c)",
      "pci=01:00.0 VGA compatible controller: NVIDIA Corporation AD102 [GeForce RTX 4090] (rev a1)",
      "queen=reached",
      "port=taken",
      "systemd=degraded",
      `installed=${JSON.stringify(INSTALLED)}`,
    ),
  ).toEqual({
    ...{ os: "linux", arch: "x64", hostname: "desk" },
    disk_free_bytes: 352_400_512 * 1_024,
    memory_total_bytes: 65_738_404 * 1_024,
    node: { path: "/home/ada/.nvm/versions/node/v22.3.0/bin/node", version: "22.3.0" },
    gpus: ["NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 3060", "Intel Corporation UHD Graphics 770"],
    ...{ queen: "reached", port_taken: false, services: "systemd", installed: INSTALLED },
  });
});

test("what a Mac says is read", () => {
  expect(
    read(
      "os=Darwin",
      "arch=arm64",
      "hostname=studio.local",
      "disk=/dev/disk3s5  971350180 612345678 340123456    65%    /System/Volumes/Data",
      "memory=hw.memsize: 68719476736",
      "node=v20.19.0 /opt/homebrew/bin/node",
      "chipset=      Chipset Model: Apple M2 Ultra",
      "queen=out of reach",
      "port=taken",
      "launchd=running",
    ),
  ).toEqual({
    ...{ os: "darwin", arch: "arm64", hostname: "studio.local" },
    disk_free_bytes: 340_123_456 * 1_024,
    memory_total_bytes: 68_719_476_736,
    node: { path: "/opt/homebrew/bin/node", version: "20.19.0" },
    gpus: ["Apple M2 Ultra"],
    ...{ queen: "out of reach", port_taken: true, services: "launchd" },
  });
});

test("a machine that says little is read for what it says", () => {
  const found = read("os=Linux", "arch=aarch64", "hostname=board", "node=v20.18.3 /usr/bin/node", "installed=null");
  expect(found).toEqual({
    ...{ os: "linux", arch: "arm64", hostname: "board", disk_free_bytes: 0, memory_total_bytes: 0 },
    ...{ gpus: [], queen: "unknown", port_taken: false, services: "none" },
  });
});

test("a port counts as taken when the hive that is there has another one, or does not run", () => {
  const at = (more: object) =>
    read("os=Linux", "arch=x86_64", "port=taken", `installed=${JSON.stringify({ ...INSTALLED, ...more })}`).port_taken;
  expect([at({}), at({ port: 9_000 }), at({ running: false })]).toEqual([false, true, true]);
});

test("a look that broke off, and a system that hives do not run on, are told", () => {
  expect(() => readPreflight("os=Linux\narch=x86_64\n", { host: "desk", port: 0 })).toThrow(
    expect.objectContaining({ code: "MACHINE_FAILED", message: "Looking at what desk has broke off" }),
  );
  expect(() => read("os=FreeBSD", "arch=amd64")).toThrow(
    expect.objectContaining({ code: "NODE_MISSING", message: expect.stringContaining("FreeBSD amd64") }),
  );
});
