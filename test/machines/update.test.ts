import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HiveClient } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { agentsOn, aMachine, endOf, stepsOf } from "../support/machines.ts";
import { startNode } from "../support/processes.ts";
import { watching } from "../support/watching.ts";
import { aWorkplace, ROOT, type Workplace } from "../support/workplace.ts";

const TOKEN = "the-token-of-the-fleet";
/** A hive that was not heard for longer than this would be missed. */
const GAP_MS_MAX = 10_000;

/** The agent's program as a later version might be. */
const VERSIONS = {
  newer: (program: string) => `${program}\n// A later version.\n`,
  /** Says that all is well when it is tried, and then does nothing. */
  mute: (program: string) =>
    after(program, "if (process.argv[2] === 'agent') await new Promise(() => setInterval(() => {}, 1e3));"),
  /** Says that all is well when it is tried, and then ends. */
  ending: (program: string) =>
    after(
      program,
      "if (process.argv[2] === 'agent') { console.error('the cat is on the keyboard'); process.exit(3); }",
    ),
  /** Does not even run. */
  broken: (program: string) => after(program, "throw new Error('no such luck');"),
} as const;

/** What the person who asked for the update is told. */
const WHY: Readonly<Record<Exclude<keyof typeof VERSIONS, "newer">, RegExp>> = {
  mute: /no heartbeat/i,
  ending: /ended before/i,
  broken: /no such luck/,
};

/** A queen with an installation of her own, in which the agent's program can be exchanged. */
async function aQueenOfHerOwn(workplace: Workplace) {
  const root = join(workplace.root, "installed");
  const machine = join(root, "node_modules/@hive-registry/machine");
  mkdirSync(join(machine, "dist"), { recursive: true });
  for (const outside of ["libsql", "@fastify"]) {
    symlinkSync(join(ROOT, "node_modules", outside), join(root, "node_modules", outside));
  }
  cpSync(join(ROOT, "packages/machine/package.json"), join(machine, "package.json"));
  cpSync(join(ROOT, "packages/queen/dist/bundle.js"), join(root, "queen.mjs"));
  const program = readFileSync(join(ROOT, "packages/machine/dist/bundle.js"), "utf8");
  const install = (text: string) => writeFileSync(join(machine, "dist/bundle.js"), text);
  install(program);
  const args = [join(root, "queen.mjs"), "--port", "0", "--token-file", workplace.file("token", TOKEN)];
  const queen = startNode({ args, env: workplace.env, cwd: root });
  const url = (await queen.says(/^listening on (\S+)$/m))[1] as string;
  return {
    client: new HiveClient({ baseUrl: url, token: TOKEN }),
    /** Brings this version to its installation. */
    bring: (name: keyof typeof VERSIONS) => install(VERSIONS[name](program)),
  };
}

const after = (program: string, line: string): string => {
  const end = program.startsWith("#!") ? program.indexOf("\n") + 1 : 0;
  return `${program.slice(0, end)}${line}\n${program.slice(end)}`;
};

async function aMachineOfTheFleet() {
  const workplace = aWorkplace();
  const { client, bring } = await aQueenOfHerOwn(workplace);
  const machine = await aMachine("attic");
  const added = await endOf(client, (await client.addMachine("attic", { ssh: machine.ssh, port: 0 })).operation_id);
  expect(added.state, stepsOf(added)).toBe("succeeded");
  const update = async () => endOf(client, (await client.updateHive("attic")).operation_id);
  const version = async () => (await client.machineStatus("attic")).version;
  return { client, machine, bring, update, version };
}

describe("updating a machine", { timeout: 180_000 }, () => {
  test("brings the newer version, which beats; without one there is nothing to do", async () => {
    const { client, machine, bring, update, version } = await aMachineOfTheFleet();
    const before = { version: await version(), agents: agentsOn(machine), boot: (await client.hive("attic")).boot_id };
    const nothing = await update();
    expect(nothing.state, stepsOf(nothing)).toBe("succeeded");
    expect(agentsOn(machine)).toEqual(before.agents);

    bring("newer");
    const updated = await update();
    expect(updated.state, stepsOf(updated)).toBe("succeeded");
    expect(await version()).not.toBe(before.version);
    expect(agentsOn(machine)).toHaveLength(1);
    expect((await client.hive("attic")).boot_id).not.toBe(before.boot);
  });

  test.each(["mute", "ending", "broken"] as const)(
    "to a version that is %s returns to the one before, and nobody misses the hive",
    async (name) => {
      const { client, machine, bring, update, version } = await aMachineOfTheFleet();
      const before = await version();
      const watch = await watching(client);
      bring(name);

      const updated = await update();
      expect(updated.state, stepsOf(updated)).toBe("failed");
      expect(updated.error?.message).toMatch(WHY[name]);
      const endedAtMs = updated.ended_at_ms ?? 0;
      await eventually("alive", async () => (await client.hive("attic").catch(() => undefined))?.status === "alive");
      expect(await version()).toBe(before);
      expect(agentsOn(machine)).toHaveLength(1);
      const beats = watch.changes.filter(({ type }) => type === "hive.heartbeat").map(({ at_ms }) => at_ms);
      const last = await watch.sees(
        "a beat after it",
        ({ type, at_ms }) => type === "hive.heartbeat" && at_ms > endedAtMs,
      );
      const gaps = [...beats, last.at_ms].map((at_ms, beat) => at_ms - (beats[beat - 1] ?? at_ms));
      expect(Math.max(...gaps)).toBeLessThan(GAP_MS_MAX);
    },
  );
});
