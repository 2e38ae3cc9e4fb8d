import type { CatalogPut, CatalogRecord, CatalogStatus } from "@hive-registry/contract";
import fc from "fast-check";
import type { DeviceInfo } from "hive-registry";
import { expect, test } from "vitest";
import type { Catalog, CatalogTouch, UnfinishedOperation } from "../catalog.ts";

export function aPut(put: Partial<CatalogPut> = {}): CatalogPut {
  return { host: "10.0.0.7", ...put };
}

export function aDevice(device: Partial<DeviceInfo> = {}): DeviceInfo {
  return {
    id: "0",
    backend: "cuda",
    name: "NVIDIA H200",
    vram_total_bytes: 150_754_820_096,
    vram_free_bytes: null,
    utilization_percent: null,
    temperature_c: null,
    power_w: null,
    uuid: null,
    driver: null,
    ...device,
  };
}

const aSha256 = (digit: string) => digit.repeat(64);

const anOperation = (fields: Partial<UnfinishedOperation> = {}): UnfinishedOperation => ({
  operation_id: "1",
  hive_id: "desk",
  kind: "add",
  started_at_ms: 1,
  last_step: "resolve",
  ...fields,
});

/** What every catalog owes its callers; each implementation runs all of it. `open` makes an empty one, bounded if asked. */
export function catalogSuite(open: (options?: { readonly recordsMax: number }) => Catalog): void {
  test("a hive never put is undefined, not an error", () => {
    const catalog = open();

    expect(catalog.find("nowhere")).toBeUndefined();
    expect(catalog.has("nowhere")).toBe(false);
    expect(catalog.list()).toEqual([]);
    expect(catalog.remove("nowhere")).toBe(false);
    expect(catalog.setDevices("nowhere", [aDevice()], 1)).toBe(false);
  });

  test("a hive that was put is found, unknown until it is heard", () => {
    const catalog = open();

    const record = catalog.put("desk", { host: "desk.local" }, 1_763_900_000_000);

    expect(record).toStrictEqual({
      id: "desk",
      host: "desk.local",
      port: 7835,
      status: "unknown",
      created_at_ms: 1_763_900_000_000,
      updated_at_ms: 1_763_900_000_000,
    });
    expect(catalog.find("desk")).toStrictEqual(record);
    expect(catalog.list()).toStrictEqual([record]);
    expect(catalog.has("desk")).toBe(true);
  });

  test("every field of the configuration comes back as it was put", () => {
    const catalog = open();
    const put: CatalogPut = {
      host: "fe80::1%eth0",
      port: 1,
      ssh: {
        host: "jump",
        port: 2222,
        user: "ada",
        identity_file: "/home/ada/.ssh/größe 🐝",
        proxy_jump: "gate,b@[::1]:2",
        config_file: "/tmp/a b",
      },
      labels: { room: "b'2\"", "gpu.vendor": "", emoji: "🐝" },
    };

    catalog.put("rack-1", put, 5);

    expect(catalog.find("rack-1")).toStrictEqual({
      id: "rack-1",
      ...put,
      status: "unknown",
      created_at_ms: 5,
      updated_at_ms: 5,
    });
  });

  test("an SSH target without a port is reached at 22", () => {
    const catalog = open();
    catalog.put("desk", aPut({ ssh: { host: "desk", user: "ada" } }), 1);
    expect(catalog.find("desk")?.ssh).toStrictEqual({ host: "desk", port: 22, user: "ada" });
  });

  test("putting again replaces the whole configuration and keeps what the fleet reported", () => {
    const catalog = open();
    catalog.put("desk", aPut({ port: 9000, ssh: { host: "desk", user: "ada" }, labels: { room: "a" } }), 100);
    catalog.touch([{ id: "desk", status: "online", last_heartbeat_ms: 150 }]);
    catalog.setDevices("desk", [aDevice()], 160);

    const record = catalog.put("desk", { host: "other" }, 200);

    expect(record).toStrictEqual({
      id: "desk",
      host: "other",
      port: 7835,
      devices: [aDevice()],
      status: "online",
      last_heartbeat_ms: 150,
      created_at_ms: 100,
      updated_at_ms: 200,
    });
    expect(catalog.find("desk")).toStrictEqual(record);
  });

  test("a removed hive is gone, and put again it starts anew", () => {
    const catalog = open();
    catalog.put("desk", aPut(), 1);
    catalog.touch([{ id: "desk", status: "online", last_heartbeat_ms: 2 }]);

    expect(catalog.remove("desk")).toBe(true);
    expect(catalog.has("desk")).toBe(false);
    expect(catalog.remove("desk")).toBe(false);
    expect(catalog.put("desk", aPut(), 3)).toMatchObject({ status: "unknown", created_at_ms: 3 });
  });

  test("the list is in the order of the ids, whatever the order of the puts", () => {
    const catalog = open();
    for (const id of ["b", "a10", "B", "a2", "0"]) catalog.put(id, aPut(), 1);
    expect(catalog.list().map((record) => record.id)).toEqual(["0", "B", "a10", "a2", "b"]);
  });

  test("a touch notes status and time, ignores strangers, and is no change of the configuration", () => {
    const catalog = open();
    catalog.put("desk", aPut(), 1);

    catalog.touch([
      { id: "stranger", status: "online", last_heartbeat_ms: 50 },
      { id: "desk", status: "online", last_heartbeat_ms: 50 },
    ]);

    expect(catalog.find("desk")).toMatchObject({ status: "online", last_heartbeat_ms: 50, updated_at_ms: 1 });
    expect(catalog.find("stranger")).toBeUndefined();
  });

  test("the time of the last heartbeat never goes back, and a touch without one leaves it", () => {
    const catalog = open();
    catalog.put("desk", aPut(), 1);
    catalog.touch([{ id: "desk", status: "online", last_heartbeat_ms: 50 }]);

    catalog.touch([{ id: "desk", status: "online", last_heartbeat_ms: 40 }]);
    catalog.touch([{ id: "desk", status: "offline" }]);

    expect(catalog.find("desk")).toMatchObject({ status: "offline", last_heartbeat_ms: 50 });
  });

  test("a clock that counts in fractions leaves whole milliseconds", () => {
    const catalog = open();
    catalog.put("desk", aPut(), 1_000.7);
    catalog.touch([{ id: "desk", status: "online", last_heartbeat_ms: 2_000.7 }]);
    expect(catalog.find("desk")).toMatchObject({
      created_at_ms: 1_000,
      updated_at_ms: 1_000,
      last_heartbeat_ms: 2_000,
    });

    catalog.setDevices("desk", [], 3_000.7);
    expect(catalog.find("desk")?.updated_at_ms).toBe(3_000);
  });

  test("a touch that fails half-way changes nothing, and the next one works", () => {
    const catalog = open();
    catalog.put("a", aPut(), 1);
    function* broken(): Generator<CatalogTouch> {
      yield { id: "a", status: "online", last_heartbeat_ms: 9 };
      throw new RangeError("no more");
    }

    expect(() => catalog.touch(broken())).toThrow();
    expect(catalog.find("a")?.status).toBe("unknown");

    catalog.touch([{ id: "a", status: "online" }]);
    expect(catalog.find("a")?.status).toBe("online");
  });

  test("a caller that changes what it put or got changes nothing here", () => {
    const catalog = open();
    const labels: Record<string, string> = { room: "a" };
    const devices = [{ ...aDevice() }];
    const returned = catalog.put("desk", { host: "desk", labels }, 1);
    catalog.setDevices("desk", devices, 1);

    labels.room = "b";
    devices[0]!.name = "changed";
    Object.assign(returned.labels!, { room: "c" });
    Object.assign(catalog.find("desk")!.labels!, { room: "d" });
    Object.assign(catalog.list()[0]!.devices![0]!, { name: "changed" });

    expect(catalog.find("desk")).toMatchObject({ labels: { room: "a" }, devices: [{ name: "NVIDIA H200" }] });
  });

  test("what a put carries beside its known fields is not kept", () => {
    const catalog = open();
    const ssh = { host: "desk", user: "ada", password: "hunter2" };
    const put: CatalogPut = Object.assign(aPut({ ssh }), { private_key: "-----BEGIN" });

    expect(JSON.stringify(catalog.put("desk", put, 1))).not.toMatch(/hunter2|BEGIN/);
    expect(JSON.stringify(catalog.find("desk"))).not.toMatch(/hunter2|BEGIN/);
  });

  test("a full catalog refuses a new hive, and still changes those it has", () => {
    const catalog = open({ recordsMax: 2 });
    catalog.put("a", aPut(), 1);
    catalog.put("b", aPut(), 1);

    expect(() => catalog.put("c", aPut(), 2)).toThrow(expect.objectContaining({ code: "CATALOG_FULL" }));
    expect(catalog.put("b", aPut({ port: 1 }), 2).port).toBe(1);
    catalog.remove("a");
    expect(catalog.put("c", aPut(), 3).id).toBe("c");
  });

  test("a hive has the join token that it was given last, and none once it was removed", () => {
    const catalog = open();
    const tokens = catalog.joinTokens();
    expect(catalog.setJoinToken("desk", aSha256("a"), 1)).toBe(false);
    expect(tokens.size).toBe(0);

    catalog.put("desk", aPut(), 1);
    catalog.put("rack", aPut(), 1);
    expect(catalog.setJoinToken("desk", aSha256("a"), 2)).toBe(true);
    catalog.setJoinToken("rack", aSha256("b"), 2);
    catalog.setJoinToken("desk", aSha256("c"), 3);
    catalog.put("desk", aPut({ port: 1 }), 4);
    expect(Object.fromEntries(tokens)).toEqual({ desk: aSha256("c"), rack: aSha256("b") });

    expect(catalog.removeJoinToken("rack")).toBe(true);
    expect(catalog.removeJoinToken("rack")).toBe(false);
    catalog.remove("desk");
    expect(catalog.joinTokens().size).toBe(0);
    catalog.put("desk", aPut(), 5);
    expect(tokens.size).toBe(0);
  });

  test("operations under way are noted with the step they are at, until they end", () => {
    const catalog = open();
    catalog.noteOperation(anOperation({ operation_id: "2", started_at_ms: 20.5 }));
    catalog.noteOperation(anOperation({ operation_id: "1", started_at_ms: 10 }));
    catalog.noteOperation(anOperation({ operation_id: "2", started_at_ms: 20.5, last_step: "install" }));
    expect(catalog.unfinishedOperations()).toStrictEqual([
      anOperation({ operation_id: "1", started_at_ms: 10 }),
      anOperation({ operation_id: "2", started_at_ms: 20, last_step: "install" }),
    ]);

    catalog.forgetOperation("1");
    catalog.forgetOperation("never there");
    expect(catalog.unfinishedOperations().map(({ operation_id }) => operation_id)).toEqual(["2"]);
  });

  test("after it was closed every call says so, and closing again is harmless", () => {
    const catalog = open();
    catalog.put("desk", aPut(), 1);
    catalog.close();
    catalog.close();

    for (const call of [
      () => catalog.find("desk"),
      () => catalog.list(),
      () => catalog.put("desk", aPut(), 1),
      () => catalog.remove("desk"),
      () => catalog.touch([]),
      () => catalog.setDevices("desk", [], 1),
      () => catalog.setJoinToken("desk", aSha256("a"), 1),
      () => catalog.removeJoinToken("desk"),
      () => catalog.noteOperation(anOperation()),
      () => catalog.forgetOperation("1"),
      () => catalog.unfinishedOperations(),
    ]) {
      expect(call).toThrow("The catalog is closed");
    }
  });

  test("it answers like a plain map, whatever is done to it", () => {
    fc.assert(
      fc.property(fc.array(aStep(), { maxLength: 40 }), (steps) => {
        const catalog = open();
        const map = new Map<string, CatalogRecord>();
        for (const step of steps) {
          expect(step.onCatalog(catalog)).toEqual(step.onMap(map));
          expect(catalog.list()).toEqual([...map.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
        }
        catalog.close();
      }),
      { numRuns: 50 },
    );
  });
}

interface Step {
  onCatalog(catalog: Catalog): unknown;
  /** The same by the words of the interface, without a thought for how it is stored. */
  onMap(map: Map<string, CatalogRecord>): unknown;
}

const IDS = fc.constantFrom("a", "A", "a.b", "hive-1", "hive_1", "z");
const TIME_MS = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const STATUS = fc.constantFrom<CatalogStatus>("unknown", "online", "offline");
const TEXT = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });

function aStep(): fc.Arbitrary<Step> {
  const put = fc.record(
    {
      host: TEXT,
      port: fc.integer({ min: 1, max: 65_535 }),
      ssh: fc.record(
        {
          host: TEXT,
          port: fc.integer({ min: 1, max: 65_535 }),
          user: TEXT,
          identity_file: TEXT,
          proxy_jump: TEXT,
          config_file: TEXT,
        },
        { requiredKeys: ["host", "port", "user"] },
      ),
      labels: fc.dictionary(fc.constantFrom("room", "row", "gpu"), TEXT),
    },
    { requiredKeys: ["host", "port"] },
  );
  return fc.oneof(
    fc.tuple(IDS, put, TIME_MS).map(([id, put, nowMs]) => putStep(id, put, nowMs)),
    IDS.map((id): Step => ({ onCatalog: (catalog) => catalog.remove(id), onMap: (map) => map.delete(id) })),
    IDS.map((id): Step => ({ onCatalog: (catalog) => catalog.find(id), onMap: (map) => map.get(id) })),
    fc
      .array(fc.record({ id: IDS, status: STATUS, last_heartbeat_ms: TIME_MS }, { requiredKeys: ["id", "status"] }))
      .map(touchStep),
    fc.tuple(IDS, TEXT, TIME_MS).map(([id, name, nowMs]) => devicesStep(id, [aDevice({ name })], nowMs)),
  );
}

function putStep(id: string, put: CatalogPut & { readonly port: number }, nowMs: number): Step {
  return {
    onCatalog: (catalog) => catalog.put(id, put, nowMs),
    onMap(map) {
      const { devices, status = "unknown", last_heartbeat_ms, created_at_ms = nowMs } = map.get(id) ?? {};
      const kept = { devices, status, last_heartbeat_ms, created_at_ms };
      map.set(id, JSON.parse(JSON.stringify({ ...kept, ...put, id, updated_at_ms: nowMs })));
      return map.get(id);
    },
  };
}

function touchStep(updates: readonly CatalogTouch[]): Step {
  return {
    onCatalog: (catalog) => catalog.touch(updates),
    onMap(map) {
      for (const { id, status, last_heartbeat_ms } of updates) {
        const record = map.get(id);
        if (record === undefined) continue;
        const times = [record.last_heartbeat_ms, last_heartbeat_ms].filter((time) => time !== undefined);
        map.set(id, { ...record, status, ...(times.length > 0 ? { last_heartbeat_ms: Math.max(...times) } : {}) });
      }
    },
  };
}

function devicesStep(id: string, devices: readonly DeviceInfo[], nowMs: number): Step {
  return {
    onCatalog: (catalog) => catalog.setDevices(id, devices, nowMs),
    onMap(map) {
      const record = map.get(id);
      if (record !== undefined) map.set(id, { ...record, devices, updated_at_ms: nowMs });
      return record !== undefined;
    },
  };
}
