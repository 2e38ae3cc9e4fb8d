import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HiveClient } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import type { Sshd } from "../../packages/lifecycle/src/testing/sshd.ts";
import { eventually } from "../support/eventually.ts";
import { agentsOn, aMachine, endOf, stepsOf } from "../support/machines.ts";
import { commandOf } from "../support/processes.ts";
import { aWorkplace, type Workplace } from "../support/workplace.ts";

const TOKEN = "the-token-of-the-fleet";

const added = async (client: HiveClient, id: string, { ssh }: Sshd, more: object = {}) => {
  const { operation_id } = await client.addMachine(id, { ssh, port: 0, ...more });
  const operation = await endOf(client, operation_id);
  expect(operation.state, stepsOf(operation)).toBe("succeeded");
  return operation;
};

const aQueenWithAToken = (workplace: Workplace) =>
  workplace.queen(["--token-file", workplace.file("token", TOKEN)], { token: TOKEN });

const isAlive = (client: HiveClient, id: string) =>
  eventually(`${id} alive`, async () => (await client.hive(id).catch(() => undefined))?.status === "alive");

describe("adding a machine", { timeout: 180_000 }, () => {
  test("takes one line: afterwards its hive beats, and the same line again finds nothing to do", async () => {
    const workplace = aWorkplace();
    const [{ url, client }, machine] = [await aQueenWithAToken(workplace), await aMachine("attic")];
    const add = ["add", "attic", "--ssh-config", machine.config_file, "--port", "0", "--label", "room=attic"];
    const where = ["--queen", url, "--token-file", join(workplace.root, "token")];

    const first = await workplace.hive(...add, ...where);
    expect(first, first.stdout + first.stderr).toMatchObject({ code: 0 });
    expect(await client.hive("attic")).toMatchObject({ online: true, labels: { room: "attic" } });
    expect(await client.catalogHive("attic")).toMatchObject({ ssh: { host: "attic" } });
    await eventually("the record is online", async () => (await client.catalogHive("attic")).status === "online");
    const agents = agentsOn(machine);
    expect(agents).toHaveLength(1);

    const again = await workplace.hive(...add, ...where);
    expect(again, again.stdout + again.stderr).toMatchObject({ code: 0 });
    expect(again.stdout + again.stderr).toMatch(/nothing (?:was )?to do/i);
    expect(agentsOn(machine)).toEqual(agents);
  });

  test("leaves no token on a command line, in the queen's files, or where others may read it", async () => {
    const workplace = aWorkplace();
    const [{ client }, machine] = [await aQueenWithAToken(workplace), await aMachine("attic")];
    await added(client, "attic", machine);
    const joinToken = readFileSync(join(machine.home, ".config/hive/join-token"), "utf8").trim();
    expect(joinToken).toMatch(/^\S{32,}$/);
    expect(joinToken).not.toBe(TOKEN);

    for (const pid of machine.processes()) {
      expect(commandOf(pid)).not.toContain(joinToken);
      expect(commandOf(pid)).not.toContain(TOKEN);
    }
    for (const file of filesBelow(machine.home)) {
      const text = readFileSync(file, "latin1");
      expect(text.includes(TOKEN), file).toBe(false);
      if (text.includes(joinToken)) expect((statSync(file).mode & 0o077).toString(8), file).toBe("0");
    }
    for (const file of filesBelow(workplace.stateDir)) {
      expect(readFileSync(file, "latin1").includes(joinToken), file).toBe(false);
    }
  });

  test("makes a hive that outlives the SSH session and the queen, and that stop ends with its children", async () => {
    const workplace = aWorkplace();
    const port = 20_000 + (process.pid % 10_000);
    const token = ["--token-file", workplace.file("token", TOKEN)];
    const queen = await workplace.queen(["--port", String(port), ...token], { token: TOKEN });
    const machine = await aMachine("attic");
    await added(queen.client, "attic", machine);
    const agents = agentsOn(machine);

    machine.cut();
    await queen.end("SIGKILL");
    const { client } = await workplace.queen(["--port", String(port), ...token], { token: TOKEN });
    await isAlive(client, "attic");
    expect(agentsOn(machine)).toEqual(agents);

    const stopped = await endOf(client, (await client.stopHive("attic")).operation_id);
    expect(stopped.state, stepsOf(stopped)).toBe("succeeded");
    expect(machine.processes().filter((pid) => !/sshd/.test(commandOf(pid)))).toEqual([]);

    const started = await endOf(client, (await client.startHive("attic")).operation_id);
    expect(started.state, stepsOf(started)).toBe("succeeded");
    await isAlive(client, "attic");
  });

  test("is undone by rm: processes, files, record and token are gone, and other files stay", async () => {
    const workplace = aWorkplace();
    const [{ url, client }, machine] = [await aQueenWithAToken(workplace), await aMachine("attic")];
    await added(client, "attic", machine);
    const joinToken = readFileSync(join(machine.home, ".config/hive/join-token"), "utf8").trim();

    const where = ["--queen", url, "--token-file", join(workplace.root, "token")];
    const removed = await workplace.hive("rm", "attic", "--yes", ...where);
    expect(removed, removed.stdout + removed.stderr).toMatchObject({ code: 0 });
    expect(filesBelow(machine.home)).toEqual([]);
    expect(machine.processes().filter((pid) => !/sshd/.test(commandOf(pid)))).toEqual([]);
    await expect(client.catalogHive("attic")).rejects.toMatchObject({ code: "HIVE_NOT_FOUND" });

    const beat = await fetch(`${url}/api/v1/heartbeat`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${joinToken}` },
      body: JSON.stringify({ hive_id: "attic", timestamp: new Date().toISOString(), workers: [] }),
    });
    expect(beat.status).toBe(401);
  });

  test("of ten at once by hives.conf leaves ten hives, and a second apply changes nothing", async () => {
    const workplace = aWorkplace();
    const { url, client } = await aQueenWithAToken(workplace);
    const names = Array.from({ length: 10 }, (_, at) => `rack-${at}`);
    const all = await Promise.all(names.map((name) => aMachine(name)));
    const sshConfig = workplace.file("ssh_config", all.map((one) => readFileSync(one.config_file, "utf8")).join("\n"));
    const conf = workplace.file("hives.conf", names.map((name) => `Host ${name}\n  HivePort 0\n`).join("\n"));
    const where = ["--queen", url, "--token-file", join(workplace.root, "token"), "--ssh-config", sshConfig];

    const applied = await workplace.hive("apply", "--file", conf, "--yes", ...where);
    expect(applied, applied.stdout + applied.stderr).toMatchObject({ code: 0 });
    for (const name of names) await isAlive(client, name);
    const agents = all.map(agentsOn);
    expect(agents.map(({ length }) => length)).toEqual(names.map(() => 1));

    const again = await workplace.hive("apply", "--file", conf, "--yes", ...where);
    expect(again, again.stdout + again.stderr).toMatchObject({ code: 0 });
    expect(all.map(agentsOn)).toEqual(agents);
  });
});

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
