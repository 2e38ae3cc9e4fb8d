import { describe, expect, test } from "vitest";
import { HiveRegistry } from "../registry.ts";
import { POLICIES } from "../scheduler/types.ts";
import { aFleet } from "../testing/a-fleet.ts";
import type { RegistryEvent } from "../types.ts";

describe("a request that wants labels", () => {
  test("meets only workers on hives that have all of them, by any policy", () => {
    const { reportFrom, chosen } = aFleet();
    reportFrom({ hive_id: "a", labels: { zone: "eu", tier: "spot" } }, { slots_total: 100 });
    reportFrom({ hive_id: "b", labels: { zone: "eu" } }, { slots_total: 100 });
    reportFrom({ hive_id: "c" }, { slots_total: 100 });
    for (const policy of POLICIES) {
      const asked = { policy, session: "s", prefix_key: "p" };
      expect(chosen({ ...asked, labels: { zone: "eu", tier: "spot" } })).toBe("a-0");
      expect(chosen({ ...asked, labels: { zone: "us" } })).toBeUndefined();
      expect(chosen({ ...asked, labels: { zone: "eu" }, exclude: ["a-0"] })).toBe("b-0");
      expect(chosen({ ...asked, labels: { zone: "eu" }, hive_id: "c" })).toBeUndefined();
      expect(chosen({ ...asked, labels: {} })).toBeDefined();
    }
  });

  test("meets them as they are now: labels that come and go with heartbeats count at once", () => {
    const { reportFrom, chosen } = aFleet();
    reportFrom({ hive_id: "a", labels: { zone: "eu" } }, { slots_total: 100 });
    expect(chosen({ labels: { zone: "eu" } })).toBe("a-0");
    reportFrom({ hive_id: "a", labels: { zone: "us" } }, { slots_total: 100 });
    expect(chosen({ labels: { zone: "eu" } })).toBeUndefined();
    expect(chosen({ labels: { zone: "us" } })).toBe("a-0");
    reportFrom({ hive_id: "a", labels: { zone: "eu" } }, { slots_total: 100 });
    expect(chosen({ labels: { zone: "eu" } })).toBe("a-0");
  });
});

describe("the operator's labels", () => {
  test("come over the hive's own, key by key, and go without a trace", () => {
    const { registry, reportFrom, chosen } = aFleet();
    reportFrom({ hive_id: "a", labels: { zone: "eu", tier: "spot" } }, { slots_total: 100 });
    registry.labelHive("a", { zone: "us", room: "attic" });
    expect(registry.getHiveState("a")?.labels).toEqual({ zone: "us", tier: "spot", room: "attic" });
    expect(chosen({ labels: { zone: "us", tier: "spot" } })).toBe("a-0");
    expect(chosen({ labels: { zone: "eu" } })).toBeUndefined();
    registry.labelHive("a", {});
    expect(registry.getHiveState("a")?.labels).toEqual({ zone: "eu", tier: "spot" });
    expect(chosen({ labels: { zone: "eu" } })).toBe("a-0");
  });

  test("wait for a hive that was not heard yet, and outlast one that went", () => {
    const { registry, reportFrom, chosen } = aFleet();
    registry.labelHive("a", { zone: "eu" });
    expect(registry.hiveCount()).toBe(0);
    reportFrom({ hive_id: "a" }, {});
    expect(chosen({ labels: { zone: "eu" } })).toBe("a-0");
    registry.removeHive("a");
    reportFrom({ hive_id: "a" }, {});
    expect(registry.getHiveState("a")?.labels).toEqual({ zone: "eu" });
  });

  test("reach replicas, by snapshot and by change; what changes nothing is no change", () => {
    const { clock, registry, reportFrom } = aFleet();
    registry.labelHive("later", { zone: "eu" });
    const [replica, follower] = [new HiveRegistry({ now: clock.now }), new HiveRegistry({ now: clock.now })];
    const events: RegistryEvent[] = [];
    registry.subscribe((event) => events.push(JSON.parse(JSON.stringify(event))));
    follower.apply(JSON.parse(JSON.stringify(registry.snapshot())));
    reportFrom({ hive_id: "later", labels: { tier: "spot" } }, {});
    registry.labelHive("later", { zone: "eu" });
    registry.labelHive("nobody", {});
    registry.labelHive("later", { zone: "us" });
    expect(events.map(({ type }) => type)).toEqual(["hive.heartbeat", "hive.labelled"]);
    for (const event of events) follower.apply(event);
    replica.apply(JSON.parse(JSON.stringify(registry.snapshot())));
    for (const each of [registry, replica, follower]) {
      expect(each.getHiveState("later")?.labels).toEqual({ tier: "spot", zone: "us" });
      expect(each.reserve({ model: "m", labels: { zone: "us" } })?.hive_id).toBe("later");
    }
    replica.apply({ type: "snapshot", revision: 99, at_ms: clock.ms, hives: [] });
    expect(replica.snapshot()).not.toHaveProperty("labels");
  });

  test("that are no texts are refused, and nothing changes", () => {
    const { registry, reportFrom } = aFleet();
    registry.labelHive("a", { zone: "eu" });
    expect(() => registry.labelHive("a", { zone: 7 } as never)).toThrow(TypeError);
    expect(() => reportFrom({ hive_id: "a", labels: { zone: 7 } as never })).toThrow(/payload\.labels\.zone/);
    expect(registry.hiveCount()).toBe(0);
    expect(registry.revision).toBe(1);
  });
});
