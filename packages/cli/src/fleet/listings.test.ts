import { ClientError, type HiveAgentClient, type HiveRuntimeState, type WorkersQuery } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { CommandError } from "../failure.ts";
import { aHive, aMachine, aModel, aPage, each, on, type Page } from "../testing/fakes.ts";
import { devices } from "./devices.ts";
import { ls } from "./ls.ts";
import { models } from "./models.ts";
import { stats } from "./stats.ts";
import type { Trend } from "./trends.ts";
import { workers } from "./workers.ts";

/** What `hive ls` needs of a fleet. */
const aLook = (page: Page, hives: readonly HiveRuntimeState[], trends: readonly Trend[] = []) => ({
  ...page,
  isUtf8: true,
  client: { listHives: async () => [...hives], eachHiveTelemetry: () => each(trends) },
});

describe("hive ls", () => {
  const gpu = { id: "0", backend: "cuda", name: "RTX", vram_total_bytes: 24e9, vram_free_bytes: 20e9 } as const;
  const device = { ...gpu, utilization_percent: 1, temperature_c: 40, power_w: 50, uuid: null, driver: null };

  test("lists those that answer first, then most free VRAM first", async () => {
    const page = aPage();
    const hives = [
      aHive({ hive_id: "dead", status: "silent", vram_free_gb: 80, received_at_ms: page.nowMs() - 90_000 }),
      aHive({ hive_id: "small", vram_free_gb: 4 }),
      aHive({ hive_id: "cpu-only" }),
      aHive({
        hive_id: "big",
        vram_free_gb: 20,
        vram_used_gb: 4,
        worker_count: 2,
        devices: [device],
        version: "0.1.0",
      }),
    ];
    await ls(aLook(page, hives), {});
    expect(page.text().trimEnd().split("\n")).toEqual([
      "HIVE      STATUS    AGE  WORKERS  VRAM USED  VRAM FREE  GPUS  VERSION",
      "big       alive     2 s        2     4.0 GB    20.0 GB     1  0.1.0",
      "small     alive     2 s        0          -     4.0 GB     -  -",
      "cpu-only  alive     2 s        0          -          -     -  -",
      "dead      silent  1 min        0          -    80.0 GB     -  -",
    ]);
  });

  test("a clock that is far off gets a column", async () => {
    const page = aPage();
    const hives = [aHive({ clock_skew_ms: -3_700_000 }), aHive({ hive_id: "right", clock_skew_ms: 40 })];
    await ls(aLook(page, hives), {});
    expect(page.text()).toContain("CLOCK");
    expect(page.text()).toContain("1 h behind");
  });

  test("an empty fleet says what to type next, and is [] for programs", async () => {
    const page = aPage();
    await ls(aLook(page, []), {});
    expect(page.text()).toContain("hive agent");
    await ls(aLook(page, []), { json: true });
    expect(page.out.at(-1)).toBe("[]\n");
  });

  test("--json prints the hives as they travel", async () => {
    const page = aPage();
    const hive = aHive({ clock_skew_ms: 1 });
    await ls(aLook(page, [hive]), { json: true });
    expect(JSON.parse(page.text())).toEqual([hive]);
  });

  describe("--wide", () => {
    const trend = (hive_id: string): Trend => ({
      ...{ hive_id, gpu_percent: [0, 50, 100], vram_used_bytes: [null, 6e9, 12e9] },
      heartbeat_interval_ms: [null, null, null],
    });
    const hives = [aHive({ hive_id: "big", vram_total_gb: 24, vram_free_gb: 12 }), aHive({ hive_id: "new" })];

    test("shows the last hour as well, and a dash for a hive of which nothing is known", async () => {
      const page = aPage();
      await ls(aLook(page, hives, [trend("big")]), { wide: true });
      const [titles, big, none] = page.text().trimEnd().split("\n");
      expect(titles).toMatch(/VERSION {2}GPU, 1 h {2,}VRAM, 1 h {2,}BEATS, 1 h$/);
      expect(big).toContain("▁▅█ 100 %   ▃▅ 12.0 GB  -");
      expect(none).toMatch(/- {2,}- {2,}-$/);
    });

    test("leaves out what the terminal has no room for, the last first", async () => {
      const titles = async (width: number) => {
        const page = aPage();
        await ls({ ...aLook(page, hives, [trend("big")]), look: { ...page.look, width } }, { wide: true });
        return page.text().split("\n")[0];
      };
      expect(await titles(120)).toContain("BEATS");
      expect(await titles(85)).toMatch(/GPU, 1 h$/);
      expect(await titles(60)).not.toContain("1 h");
    });

    test("is numbers for programs", async () => {
      const page = aPage();
      await ls(aLook(page, hives, [trend("big")]), { wide: true, json: true });
      const { hive_id: _known, ...series } = trend("big");
      expect(JSON.parse(page.text())).toEqual([{ ...hives[0], telemetry: { step_ms: 300_000, ...series } }, hives[1]]);
    });
  });
});

describe("hive workers", () => {
  test("lists workers with what keeps them from being chosen", async () => {
    const page = aPage();
    const found = [
      on("rack", { worker_id: "b", state: "Busy", health_status: "degraded", slots_total: 4, slots_busy: 4 }),
      on("desk", {
        worker_id: "z",
        draining: true,
        gpu_percent: 12.6,
        vram_bytes: 5.4e9,
        backend: "cuda",
        engine: "vllm",
      }),
      on("desk", { worker_id: "a" }),
    ];
    await workers({ ...page, client: { listWorkers: async () => found } }, {});
    expect(page.text().trimEnd().split("\n")).toEqual([
      "WORKER  HIVE  STATE           MODEL       ENGINE  BACKEND   GPU    VRAM  SLOTS  URL",
      "a       desk  Idle            llama-3-8b  -       -           -       -      -  http://10.0.0.5:9300",
      "z       desk  Idle, draining  llama-3-8b  vllm    cuda     13 %  5.4 GB      -  http://10.0.0.5:9300",
      "b       rack  Busy, degraded  llama-3-8b  -       -           -       -    4/4  http://10.0.0.5:9300",
    ]);
  });

  test("filters are the queen's work; when nothing fits, that is not called an empty fleet", async () => {
    const page = aPage();
    const asked: WorkersQuery[] = [];
    const client = {
      listWorkers: async (query: WorkersQuery = {}) => {
        asked.push(query);
        return [];
      },
    };
    await workers({ ...page, client }, { state: "idle", hive: "desk" });
    await workers({ ...page, client }, {});
    expect(asked).toEqual([{ state: "idle", hive_id: "desk" }, {}]);
    expect(page.out[0]).toContain("No worker fits");
    expect(page.out[1]).toContain("hive worker start");
  });
});

describe("hive models and hive stats", () => {
  test("models are sorted by name; none yet says how to get one", async () => {
    const page = aPage();
    await models({ ...page, client: { models: async () => [aModel("z"), aModel("a", { idle_workers: 0 })] } }, {});
    expect(
      page
        .text()
        .split("\n")
        .map((line) => line.split(/\s+/)[0]),
    ).toEqual(["MODEL", "a", "z", ""]);
    await models({ ...page, client: { models: async () => [] } }, {});
    expect(page.out.at(-1)).toContain("hive worker start");
    await models({ ...page, client: { models: async () => [aModel("a")] } }, { json: true });
    expect(JSON.parse(page.out.at(-1) ?? "")).toEqual([aModel("a")]);
  });

  test("stats sums up, most used first", async () => {
    const now = {
      revision: 1,
      hives: { total: 2, alive: 1, suspect: 0, silent: 1 },
      workers: { total: 3, idle: 2, busy: 1, loading: 0, set_aside: 0, by_backend: { cpu: 1, cuda: 2 }, by_model: {} },
      vram_used_gb: 12.5,
      ram_used_gb: 3,
      liveness: { held_back: 0 },
      requests: { in_flight: 0, queued: 0, completed_total: 0, failed_total: 0 },
      reservations: { active: 0 },
      heartbeats_per_second: 0.4,
      uptime_ms: 125_000,
      watchers: 0,
    };
    const page = aPage();
    await stats({ ...page, client: { stats: async () => now } }, {});
    expect(page.text()).toMatch(/hives\s+2 \(1 alive, 0 suspect, 1 silent\)/);
    expect(page.text()).toMatch(/backends\s+cuda 2, cpu 1/);
    expect(page.text()).toMatch(/queen up for\s+2 min/);
    expect(page.text()).not.toContain("fell silent together");
    await stats({ ...page, client: { stats: async () => now } }, { json: true });
    expect(JSON.parse(page.out.at(-1) ?? "")).toEqual(now);

    const liveness = { frozen_until_ms: page.nowMs() + 540_000, held_back: 3 };
    await stats({ ...page, client: { stats: async () => ({ ...now, liveness }) } }, {});
    expect(page.text()).toContain("nobody is forgotten for 9 min at most (3 would be)");
    expect(page.out.at(-1)).toContain("hive evict");
  });
});

describe("hive devices", () => {
  const unreachable = () => Promise.reject(new ClientError("QUEEN_UNREACHABLE", "no queen"));
  const aHiveAt =
    (asked: string[], machine = aMachine()) =>
    (url: string) => {
      asked.push(url);
      return { devices: async () => machine } as HiveAgentClient;
    };
  const nowhere = { url: undefined, find: () => undefined, hiveId: "desk" };

  test("shows this machine without any queen, at the usual port when nothing else is known", async () => {
    const page = aPage();
    const asked: string[] = [];
    await devices({ ...page, client: { hive: unreachable }, localHive: nowhere, hiveAt: aHiveAt(asked) }, {});
    expect(asked).toEqual(["http://127.0.0.1:7835"]);
    expect(page.text()).toContain("Ryzen 9, 16 cores, 12 % busy; 48.0 GB of 64.0 GB RAM free; linux x64");
    expect(page.text()).toContain("No GPU found");
  });

  test("prefers what its user says, then the pid file, then what the queen knows of this machine", async () => {
    const asked: string[] = [];
    const client = { hive: async () => ({ ...aHive({ hive_url: "http://told-by-queen:1" }), online: true }) };
    const deps = { ...aPage(), client, hiveAt: aHiveAt(asked) };
    await devices({ ...deps, localHive: nowhere }, {});
    await devices({ ...deps, localHive: { ...nowhere, find: () => "http://pid-file:2" } }, {});
    await devices({ ...deps, localHive: { ...nowhere, url: "http://said:3", find: () => "http://pid-file:2" } }, {});
    expect(asked).toEqual(["http://told-by-queen:1", "http://pid-file:2", "http://said:3"]);
  });

  test("--hive asks the queen for the address; a hive that tells none is an error in words", async () => {
    const client = { hive: async () => ({ ...aHive(), online: true }) };
    const asking = devices({ ...aPage(), client, localHive: nowhere, hiveAt: aHiveAt([]) }, { hive: "desk" });
    await expect(asking).rejects.toThrow(CommandError);
  });

  test("lists GPUs by the number that chooses them, with dashes for what the driver does not tell, and the notes", async () => {
    const page = aPage();
    const machine = aMachine({
      devices: [
        {
          ...{ id: "0", backend: "cuda", name: "NVIDIA GB10", vram_total_bytes: null, vram_free_bytes: null },
          ...{ utilization_percent: 7, temperature_c: 41.4, power_w: null, uuid: null, driver: "580.1" },
          index: 4,
        },
      ],
      notes: ["GPU 1 has fallen off the bus"],
    });
    await devices({ ...page, client: { hive: unreachable }, localHive: nowhere, hiveAt: aHiveAt([], machine) }, {});
    expect(page.text()).toMatch(/^DEVICE .*\n +4 +0\s+cuda\s+NVIDIA GB10\s+-\s+-\s+7 %\s+41 °C\s+-\s+580\.1/m);
    expect(page.text()).toContain("Note: GPU 1 has fallen off the bus");
  });
});
