import { expect, test } from "vitest";
import { BeatingFleet } from "../testing/a-beating-fleet.ts";
import { GRAVES_MAX, Graves } from "./graves.ts";

test("what an earlier boot sent does not come back as a new hive, however late", () => {
  const fleet = new BeatingFleet(1);
  const last = (boot_id: string) => ({ boot_id, seq: 1_000_000 });
  fleet.beat("hive-0", { boot_id: "second", seq: 1 });
  fleet.silence(0, 1);
  fleet.registry.evictSilent(0);
  fleet.beat("hive-0", last("boot"));
  expect(fleet.registry.hiveCount()).toBe(0);
  fleet.beat("hive-0", { boot_id: "third", seq: 1 });
  for (const boot of ["boot", "second"]) fleet.beat("hive-0", last(boot));
  expect(fleet.registry.getHiveState("hive-0")?.boot_id).toBe("third");
});

test("the boot that was evicted itself may come back, for it only was away", () => {
  const fleet = new BeatingFleet(1);
  fleet.registry.evictSilent(0);
  fleet.beat("hive-0");
  expect(fleet.registry.getHiveState("hive-0")?.status).toBe("alive");
});

test("only so many are remembered", () => {
  const graves = new Graves();
  for (let at = 0; at <= GRAVES_MAX; at++) graves.bury({ hiveId: `${at}`, bootId: "b", pastBoots: ["a"] });
  expect([graves.isPast("0", "a"), graves.isPast("1", "a"), graves.isPast("1", "b")]).toEqual([false, true, false]);
});
