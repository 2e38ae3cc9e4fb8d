import type { HiveClient } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import type { Sshd } from "../../packages/lifecycle/src/testing/sshd.ts";
import { eventually } from "../support/eventually.ts";
import { agentsOn, aMachine, endOf, stepsOf } from "../support/machines.ts";
import { type AQueen, aSteadyPort, aWorkplace, PROGRAM, type Workplace } from "../support/workplace.ts";

const TOKEN = "the-token-of-the-fleet";
const STEPS = ["resolve", "connect", "look", "install", "catalog", "start", "first heartbeat"];

interface Scene {
  readonly workplace: Workplace;
  readonly machine: Sshd;
  readonly queen: AQueen;
  readonly queenArgs: readonly string[];
}

/** What is killed while a step runs. Gives the client of the queen that is there afterwards. */
const KILLS: Readonly<Record<string, (scene: Scene, operationId: string) => Promise<HiveClient>>> = {
  "the SSH connection": async ({ machine, queen }, operationId) => {
    machine.cut();
    await endOf(queen.client, operationId);
    return queen.client;
  },
  "the queen": async ({ workplace, queen, queenArgs }) => {
    await queen.end("SIGKILL");
    return (await workplace.queen(queenArgs, { token: TOKEN })).client;
  },
  "the operation, by cancelling it": async ({ queen }, operationId) => {
    await queen.client.cancelOperation(operationId).catch(() => undefined);
    await endOf(queen.client, operationId);
    return queen.client;
  },
};

describe("killed in the middle of adding a machine", { timeout: 180_000 }, () => {
  const table = STEPS.flatMap((step) => Object.keys(KILLS).map((what) => [what, step] as const));

  test.each(table)(
    "%s at the step %s: the same request again finishes the job, and nothing is double",
    async (what, step) => {
      const workplace = aWorkplace();
      const queenArgs = ["--port", String(await aSteadyPort()), "--token-file", workplace.file("token", TOKEN)];
      const queen = await workplace.queen(queenArgs, { token: TOKEN });
      const machine = await aMachine("attic");
      const request = { ssh: machine.ssh, port: 0 };

      const { operation_id } = await queen.client.addMachine("attic", request);
      for await (const { steps, state } of queen.client.followOperation(operation_id)) {
        // A step may be over before it is seen to run.
        if (steps.some(({ name }) => name === step) || state !== "running") break;
      }
      const kill = KILLS[what] as (typeof KILLS)[string];
      const client = await kill({ workplace, machine, queen, queenArgs }, operation_id);

      const again = await endOf(client, (await client.addMachine("attic", request)).operation_id);
      expect(again.state, stepsOf(again)).toBe("succeeded");
      await eventually("it beats", async () => (await client.hive("attic").catch(() => undefined))?.status === "alive");
      expect(agentsOn(machine)).toHaveLength(1);
      expect((await client.listCatalog()).map(({ id }) => id)).toEqual(["attic"]);
      expect((await client.listHives()).map(({ hive_id }) => hive_id)).toEqual(["attic"]);
    },
  );

  test("the command alone: the queen goes on with what it asked for", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen(["--token-file", workplace.file("token", TOKEN)], { token: TOKEN });
    const machine = await aMachine("attic");
    const words = ["add", "attic", "--ssh-config", machine.config_file, "--port", "0", "--queen", queen.url];
    const command = workplace.start(PROGRAM.hive, [...words, "--token-file", `${workplace.root}/token`]);
    await eventually("the operation", async () => (await queen.client.operations()).length > 0);
    await command.end("SIGKILL");

    const [operation] = await queen.client.operations();
    const ended = await endOf(queen.client, operation?.operation_id ?? "");
    expect(ended.state, stepsOf(ended)).toBe("succeeded");
    expect(agentsOn(machine)).toHaveLength(1);
  });
});
