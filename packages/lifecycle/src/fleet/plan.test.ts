import type { MachineAdd } from "@hive-registry/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WantedMachine } from "./hives-conf.ts";
import { type ObservedHive, type PlannedAction, plan } from "./plan.ts";

const wants = (id: string, machine: Partial<MachineAdd> = {}): WantedMachine => ({
  ...{ id, place: "hives.conf:1" },
  machine: { ssh: { host: id }, ...machine },
});

const has = (id: string, more: Partial<ObservedHive["record"]> = {}, alive = true): ObservedHive => ({
  record: { id, host: id, port: 7835, ssh: { host: id, port: 22, user: "ada" }, ...more },
  alive,
});

describe("the plan", () => {
  test("a machine that nobody knows is added", () => {
    expect(plan([wants("attic")], [])).toEqual([{ action: "add", id: "attic", machine: { ssh: { host: "attic" } } }]);
  });

  test("one that is as wanted is left alone; one that is silent is started", () => {
    expect(plan([wants("attic"), wants("desk")], [has("attic"), has("desk", {}, false)])).toMatchObject([
      { action: "nothing", id: "attic" },
      { action: "start", id: "desk", machine: { ssh: { host: "desk" } } },
    ]);
  });

  test("what the file does not say of ssh and ports is left as it is", () => {
    const record = { port: 7900, ssh: { host: "attic", port: 2222, user: "eve", identity_file: "k", proxy_jump: "g" } };
    expect(plan([wants("attic")], [has("attic", record)])).toEqual([{ action: "nothing", id: "attic" }]);
    expect(plan([wants("attic", { port: 0 })], [has("attic", record)])).toEqual([{ action: "nothing", id: "attic" }]);
  });

  test("another way to reach it, or another port, is told to the machine", () => {
    const machine = { ssh: { host: "10.0.0.5", user: "eve", port: 2222 }, port: 7900 };
    expect(plan([wants("attic", machine)], [has("attic")])).toEqual([
      {
        ...{ action: "change", id: "attic", machine: { ...machine, labels: {} } },
        because: [...["ssh host attic → 10.0.0.5", "ssh user ada → eve", "ssh port 22 → 2222", "port 7835 → 7900"]],
      },
    ]);
  });

  test("labels alone are changed in the catalog, and those that the file no longer has go", () => {
    const labels = { zone: "eu", tier: "spot" };
    expect(plan([wants("attic", { labels })], [has("attic", { labels: { zone: "us", old: "yes" } })])).toEqual([
      {
        ...{ action: "label", id: "attic", labels },
        because: ["label old yes → none", "label tier none → spot", "label zone us → eu"],
      },
    ]);
    expect(plan([wants("attic")], [has("attic", { labels })])).toMatchObject([{ action: "label", labels: {} }]);
  });

  test("a hive that was put into the catalog by hand gets its ssh", () => {
    const { record, alive } = has("attic");
    const { ssh: _, ...byHand } = record;
    expect(plan([wants("attic")], [{ record: byHand, alive }])).toMatchObject([
      { action: "change", because: ["ssh host none → attic"] },
    ]);
  });

  test("who is not named is removed only when asked for, and never without ssh", () => {
    const { record } = has("own");
    const { ssh: _, ...own } = record;
    const observed = [has("zoe"), has("attic"), has("eve", {}, false), { record: own, alive: true }];
    expect(plan([wants("attic")], observed)).toEqual([{ action: "nothing", id: "attic" }]);
    expect(plan([wants("attic")], observed, { prune: true })).toEqual([
      ...[
        { action: "nothing", id: "attic" },
        { action: "remove", id: "eve" },
        { action: "remove", id: "zoe" },
      ],
    ]);
  });
});

/** What the queen makes of each action, with a machine of which ssh's own configuration says user `ada` and port 22. */
function applied(world: readonly ObservedHive[], actions: readonly PlannedAction[]): ObservedHive[] {
  const hives = new Map(world.map((hive) => [hive.record.id, hive]));
  for (const action of actions) {
    const before = hives.get(action.id);
    if (action.action === "remove") hives.delete(action.id);
    else if (action.action === "label" && before) {
      hives.set(action.id, { ...before, record: { ...before.record, labels: action.labels } });
    } else if ("machine" in action) {
      const { ssh, port, labels } = action.machine;
      const record = {
        ...{ id: action.id, host: ssh.host, port: port || before?.record.port || 7835 },
        ssh: { ...{ port: 22, user: "ada" }, ...before?.record.ssh, ...ssh },
        ...(labels === undefined ? {} : { labels }),
      };
      hives.set(action.id, { record, alive: true });
    }
  }
  return [...hives.values()];
}

const aText = fc.constantFrom("a", "b", "c");
const aPort = fc.constantFrom(0, 22, 2222);
const theLabels = fc.dictionary(fc.constantFrom("zone", "tier", "__proto__", "constructor"), aText);
const anId = fc.constantFrom("m1", "m2", "m3", "m4", "m5");
const some = { requiredKeys: [] };

const theWanted = fc.uniqueArray(
  fc.tuple(
    anId,
    fc.record({ port: aPort, labels: theLabels }, some),
    fc.record(
      { host: aText, user: aText, port: fc.constantFrom(22, 2222), identity_file: aText, proxy_jump: aText },
      some,
    ),
  ),
  { selector: ([id]) => id },
);
const wantedOf = (all: readonly [string, Partial<MachineAdd>, Partial<MachineAdd["ssh"]>][]): WantedMachine[] =>
  all.map(([id, more, ssh]) => wants(id, { ...more, ssh: { host: id, ...ssh } }));

const theObserved = fc.uniqueArray(
  fc.record({
    record: fc.record(
      {
        ...{ id: anId, host: aText, port: fc.constantFrom(7835, 7900), labels: theLabels },
        ssh: fc.record(
          { host: aText, port: fc.constantFrom(22, 2222), user: aText, identity_file: aText, proxy_jump: aText },
          { requiredKeys: ["host", "port", "user"] },
        ),
      },
      { requiredKeys: ["id", "host", "port"] },
    ),
    alive: fc.boolean(),
  }),
  { selector: ({ record }) => record.id },
);

const aCase = fc.tuple(theWanted.map(wantedOf), theObserved as fc.Arbitrary<ObservedHive[]>, fc.boolean());

describe("for every file and every fleet", () => {
  test("what was planned and done is what was wanted", () => {
    fc.assert(
      fc.property(aCase, ([wanted, world, prune]) => {
        const after = new Map(
          applied(world, plan(wanted, world, { prune })).map((hive) => [hive.record.id, hive] as const),
        );
        for (const { id, machine } of wanted) {
          const hive = after.get(id);
          expect(hive?.alive).toBe(true);
          expect(hive?.record.ssh).toMatchObject(machine.ssh);
          expect(Object.entries(hive?.record.labels ?? {}).sort()).toEqual(Object.entries(machine.labels ?? {}).sort());
          if (machine.port) expect(hive?.record.port).toBe(machine.port);
        }
        if (prune) {
          const named = wanted.map(({ id }) => id);
          for (const [id, { record }] of after) if (record.ssh !== undefined) expect(named).toContain(id);
        }
      }),
    );
  });

  test("then there is nothing left to do", () => {
    fc.assert(
      fc.property(aCase, ([wanted, world, prune]) => {
        const after = applied(world, plan(wanted, world, { prune }));
        for (const { action } of plan(wanted, after, { prune })) expect(action).toBe("nothing");
      }),
    );
  });

  test("a machine that is not named is touched by nothing but --prune", () => {
    fc.assert(
      fc.property(aCase, ([wanted, world, prune]) => {
        const named = new Set(wanted.map(({ id }) => id));
        for (const { id, action } of plan(wanted, world, { prune })) {
          if (!named.has(id)) expect({ action, prune }).toEqual({ action: "remove", prune: true });
          else expect(action).not.toBe("remove");
        }
        const others = (hives: readonly ObservedHive[]) => hives.filter(({ record }) => !named.has(record.id));
        if (!prune) expect(others(applied(world, plan(wanted, world)))).toEqual(others(world));
      }),
    );
  });
});
