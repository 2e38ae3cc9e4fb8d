import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { HiveClient } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import type { Sshd } from "../../packages/lifecycle/src/testing/sshd.ts";
import { eventually } from "../support/eventually.ts";
import { agentsOn, aMachine, endOf, stepsOf } from "../support/machines.ts";
import { aWorkplace } from "../support/workplace.ts";

const TOKEN = "the-token-of-the-fleet";

async function aQueenAndAMachine() {
  const workplace = aWorkplace();
  const { client } = await workplace.queen(["--token-file", workplace.file("token", TOKEN)], { token: TOKEN });
  return { client, machine: await aMachine("attic") };
}

/** What the step said that brings things. */
async function added(client: HiveClient, { ssh }: Sshd, more: object): Promise<string> {
  const { operation_id } = await client.addMachine("attic", { ssh, port: 0, ...more });
  const operation = await endOf(client, operation_id);
  expect(operation.state, stepsOf(operation)).toBe("succeeded");
  return operation.steps.find(({ name }) => name === "install")?.output_tail ?? "";
}

const demoOf = (client: HiveClient) =>
  eventually("the demonstration worker is idle", async () => {
    const { workers } = await client.hive("attic");
    return workers.find(({ worker_id, state }) => worker_id === "demo" && state === "Idle");
  });

function isBeingBrought({ home }: Sshd): boolean {
  const data = join(home, ".local/share/hive");
  const names = existsSync(data) ? readdirSync(data) : [];
  return names.some((name) => name.startsWith(".new-") && existsSync(join(data, name, "engine")));
}

describe("a machine that is added with the inference engine", { timeout: 180_000 }, () => {
  test("answers requests by the bundled worker; again there is nothing to do; and nothing of it is left by rm", async () => {
    const { client, machine } = await aQueenAndAMachine();
    expect(await added(client, machine, { with_llama: true })).toMatch(
      /inference engine [0-9a-f]{12} brought \(\d+ MB\)$/,
    );

    const worker = await demoOf(client);
    expect(worker).toMatchObject({ engine: "llama-cpp", model_id: "hive-demo" });
    const reply = await fetch(`${worker.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ model: "hive-demo", messages: [{ role: "user", content: "Hello" }], max_tokens: 16 }),
    });
    expect(reply.status).toBe(200);
    const { choices } = (await reply.json()) as { choices: readonly { message: { content: string } }[] };
    expect(choices[0]?.message.content).toMatch(/\w/);

    const agents = agentsOn(machine);
    expect(await added(client, machine, { with_llama: true })).toMatch(/with the inference engine \S+: nothing to do$/);
    expect(await added(client, machine, {})).toMatch(/with the inference engine \S+: nothing to do$/);
    expect(agentsOn(machine)).toEqual(agents);

    const removed = await endOf(client, (await client.uninstallHive("attic")).operation_id);
    expect(removed.state, stepsOf(removed)).toBe("succeeded");
    expect(readdirSync(machine.home)).toEqual([]);
  });

  test("is finished by the same again when the copy was cut, and has its engine after each start", async () => {
    const { client, machine } = await aQueenAndAMachine();
    const { operation_id } = await client.addMachine("attic", { ssh: machine.ssh, port: 0, with_llama: true });
    await eventually("the engine is on its way", async () => isBeingBrought(machine));
    machine.cut();
    expect(await endOf(client, operation_id)).toMatchObject({ state: "failed", error: { code: "SSH_FAILED" } });

    await added(client, machine, { with_llama: true });
    await demoOf(client);
    for (const again of [client.stopHive, client.startHive, client.updateHive]) {
      const operation = await endOf(client, (await again.call(client, "attic")).operation_id);
      expect(operation.state, stepsOf(operation)).toBe("succeeded");
    }
    await demoOf(client);
  });

  test("gets it later too: the hive that runs is started anew with it", async () => {
    const { client, machine } = await aQueenAndAMachine();
    expect(await added(client, machine, {})).not.toContain("engine");
    const agents = agentsOn(machine);
    expect(await added(client, machine, { with_llama: true })).toMatch(/was there.*inference engine \S+ brought/);
    expect(agentsOn(machine)).not.toEqual(agents);
    await demoOf(client);
  });
});
