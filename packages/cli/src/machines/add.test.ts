import { describe, expect, test, vi } from "vitest";
import { aMachineStory } from "../testing/machines.ts";
import { aStep } from "../testing/queen.ts";
import { add } from "./add.ts";

const LIMIT = { timeout: 10_000, interval: 5 };

describe("hive add", () => {
  test("the name alone is enough: each step is told, then where the hive runs, then what to try", async () => {
    const { page, queen, deps } = await aMachineStory({
      script: () => [
        { steps: [aStep("resolve", "ada@10.0.0.5, port 22", { state: "running" })] },
        { steps: [aStep("resolve", "ada@10.0.0.5, port 22"), aStep("first heartbeat")], state: "succeeded" },
      ],
    });
    expect(await add(deps, "attic", {})).toBe(0);
    expect(queen.seen[0]).toBe("POST /api/v1/catalog/hives/attic/add");
    expect(queen.bodies[0]).toBe('{"ssh":{"host":"attic"}}');
    expect(page.out).toEqual(["attic runs at http://attic.lan:7835\n"]);
    expect(page.err).toEqual([
      ...["✓ resolve          ada@10.0.0.5, port 22  12 ms", "✓ first heartbeat  12 ms", "Next:"],
      ...["  hive workers --hive attic", "  hive worker start MODEL --hive attic", "  hive logs attic"],
    ]);
  });

  test("all that is said reaches the queen; files are named by their whole path", async () => {
    const { queen, deps } = await aMachineStory();
    await add(deps, "ada@[::1]:2222", {
      ...{ id: "six", port: 0, label: ["room=attic", "note=a=b"], publicUrl: "http://10.0.0.1:7833" },
      ...{
        identityFile: "key",
        sshConfig: "conf",
        acceptNewHostKey: true,
        takeOver: true,
        service: true,
        withLlama: true,
      },
    });
    expect(queen.asked).toEqual(["add six"]);
    expect(JSON.parse(queen.bodies[0] ?? "")).toEqual({
      ssh: { host: "::1", port: 2222, user: "ada", identity_file: "/whole/key", config_file: "/whole/conf" },
      ...{ port: 0, labels: { room: "attic", note: "a=b" }, queen_url: "http://10.0.0.1:7833" },
      ...{ accept_new_host_key: true, take_over: true, service: true, with_llama: true },
    });
  });

  test("a user or port that is said twice, and differently, is wrong usage", async () => {
    const { queen, deps } = await aMachineStory();
    await expect(add(deps, "ada@attic", { user: "eve" })).rejects.toMatchObject({ exitCode: 2 });
    await expect(add(deps, "attic:22", { sshPort: 23 })).rejects.toThrow("Two answers for ssh's port: 22 and 23");
    expect(await add(deps, "ada@attic:22", { user: "ada", sshPort: 22 })).toBe(0);
    expect(queen.asked).toEqual(["add attic"]);
  });

  test("localhost is started as ever, unless ssh is meant", async () => {
    const { queen, deps } = await aMachineStory();
    expect(await add(deps, "localhost", {})).toBe(0);
    expect(await add(deps, "localhost", { sshPort: 2222 })).toBe(0);
    expect(await add(deps, "localhost:2222", { label: ["a=b"] })).toBe(0);
    expect(queen.asked).toEqual(["start desk", "add localhost", "add localhost"]);
    await expect(add(deps, "localhost", { label: ["a=b"] })).rejects.toThrow("add --ssh-port 22");
  });

  test("--dry-run says what would be done, and promises nothing", async () => {
    const { page, queen, deps } = await aMachineStory({
      script: () => [{ steps: [aStep("plan", "install 0.1.0\nstart it")], state: "succeeded" }],
    });
    expect(await add(deps, "attic", { dryRun: true })).toBe(0);
    expect(page.err.slice(1, 3)).toEqual(["    install 0.1.0", "    start it"]);
    expect(page.out).toEqual([]);
    expect([...queen.records.keys()]).toEqual([]);
  });

  test("Ctrl-C ends the looking only, and says how to look again or to cancel", async () => {
    const { page, queen, deps, interrupt } = await aMachineStory({ script: () => [{ steps: [aStep("connect")] }] });
    const adding = add(deps, "attic", {});
    await vi.waitUntil(() => page.err.length > 0, LIMIT);
    interrupt.abort();
    expect(await adding).toBe(1);
    expect(page.err.at(-1)).toBe(
      "The queen goes on with it. See how it goes: hive operations   Or end it: hive cancel 0001-ope",
    );
    expect(queen.operations[0]?.state).toBe("running");
  });

  test("one that somebody cancels says that the same again finishes it", async () => {
    const { page, queen, deps } = await aMachineStory({ script: () => [{ steps: [aStep("connect")] }] });
    const adding = add(deps, "attic", {});
    await vi.waitUntil(() => page.err.length > 0, LIMIT);
    await queen.client.cancelOperation(queen.operations[0]?.operation_id ?? "");
    expect(await adding).toBe(1);
    expect(page.err.slice(-2)).toEqual([
      ...["It was cancelled (CANCELLED)", "What was done so far stays; the same command again finishes it."],
    ]);
  });
});
