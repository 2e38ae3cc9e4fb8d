import type { HiveClient, Operation } from "@hive-registry/client";
import { onTestFinished } from "vitest";
import { type Sshd, type SshdOptions, startSshd } from "../../packages/lifecycle/src/testing/sshd.ts";
import { eventually } from "./eventually.ts";
import { commandOf } from "./processes.ts";

/** A machine with a clean account, reached by SSH, that ends with the test and takes with it what was started there. */
export async function aMachine(alias: string, options: SshdOptions = {}): Promise<Sshd> {
  const machine = await startSshd({
    alias,
    ...options,
    // Its hive looks at no server of other tests.
    env: { HIVE_DISCOVER: "false", HIVE_WORKER_PORT_START: "0", ...options.env },
  });
  onTestFinished(() => machine.stop());
  return machine;
}

/** The agents that run there. */
export const agentsOn = (machine: Sshd): number[] =>
  machine.processes().filter((pid) => /hive\.mjs agent/.test(commandOf(pid)));

/** The operation once it has ended, however. */
export const endOf = (client: HiveClient, operationId: string): Promise<Operation> =>
  eventually("the end of the operation", async () => {
    const operation = await client.operation(operationId);
    return operation.state === "running" ? undefined : operation;
  });

/** What came of each step, in a line. */
export const stepsOf = ({ steps, error }: Operation): string =>
  [...steps.map(({ name, state, output_tail }) => `${name}: ${state} ${output_tail}`), error?.message].join("\n");
