import { HiveError, type Operation } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { openCatalog } from "../catalog/index.ts";
import { aHeartbeat } from "../testing/a-queen.ts";
import { SSH_OPERATIONS_MAX } from "./machine-operations.ts";
import { aQueenOverSsh, TOKEN } from "./testing/a-fleet-over-ssh.ts";
import { type Call, FakeComputer, sha256, type Trouble } from "./testing/fake-computer.ts";

const ADD = { ssh: { host: "gaming-pc" }, labels: { room: "a" } };
const namesOf = (operation: Operation) => operation.steps.map(({ name }) => name);
const outputOf = (operation: Operation, step: string) =>
  operation.steps.find(({ name }) => name === step)?.output_tail ?? "no such step";

describe("adding a machine", () => {
  test("answers at once and ends with the first heartbeat: record, token and hive are there", async () => {
    const { queen, computer, post, end } = await aQueenOverSsh();
    const { status, body } = await post("add", ADD);
    expect({ status, body }).toMatchObject({ status: 202, body: { hive_id: "pc", port: 7_835 } });

    const operation = await end(body.operation_id);
    expect(operation).toMatchObject({ kind: "add", state: "succeeded" });
    expect(namesOf(operation)).toEqual([
      ...["resolve", "connect", "look", "install", "catalog", "start", "first heartbeat"],
    ]);
    expect(outputOf(operation, "look")).toContain("linux x64");
    expect(queen.catalog.find("pc")).toMatchObject({
      host: "10.0.0.9",
      port: 7_835,
      ssh: { host: "gaming-pc", port: 2_222, user: "ada" },
      labels: { room: "a" },
    });
    expect(computer.settings).toEqual({
      ...{ hive_id: "pc", queen_id: "queen-1", queen_url: "http://10.0.0.1:7833", port: 7_835, service: false },
      fleet_token_sha256: sha256(TOKEN),
    });
    expect(computer.token).toMatch(/^[\w-]{43}$/);
    expect(queen.catalog.joinTokens().get("pc")).toBe(sha256(computer.token ?? ""));
    expect(computer.connections).toBe(0);
  });

  test("again does nothing, makes no token, and says so", async () => {
    const { queen, computer, done } = await aQueenOverSsh();
    await done("add", ADD);
    const { token } = computer;
    const record = queen.catalog.find("pc");

    const again = await done("add", ADD);

    expect(again.state).toBe("succeeded");
    for (const step of ["install", "catalog", "start"]) expect(outputOf(again, step)).toContain("nothing to do");
    expect(computer).toMatchObject({ token, boots: 1 });
    expect(queen.catalog.find("pc")).toEqual({ ...record, status: "unknown" });
  });

  test("a dry run looks, changes nothing, and says what would be done", async () => {
    const { queen, computer, done } = await aQueenOverSsh();
    const plan = await done("add", { ...ADD, dry_run: true });
    expect(namesOf(plan)).toEqual(["resolve", "connect", "look", "plan"]);
    expect(outputOf(plan, "plan").split("\n")).toEqual([
      `install the hive ${computer.version}`,
      "put pc into the catalog, at 10.0.0.9",
      "give it a join token of its own",
      "start it as a process at port 7835, for http://10.0.0.1:7833",
      "wait for its first heartbeat",
    ]);
    expect(queen.catalog.list()).toEqual([]);
    expect(computer.calls).toEqual(["resolve", "connect", "preflight"]);
  });

  test("a dry run of what was done finds nothing to do, and of a newer version that it is brought", async () => {
    const { computer, done } = await aQueenOverSsh();
    await done("add", ADD);
    const planned = async (wish: object) => outputOf(await done("add", { ...ADD, ...wish, dry_run: true }), "plan");
    expect(await planned({})).toBe("nothing: all is as it should be");
    expect(await planned({ port: 9_000 })).toContain("start it as a process at port 9000");
    expect(await planned({ labels: { room: "b" } })).toBe("put pc into the catalog, at 10.0.0.9");
    computer.version = "2.0.0-newer";
    expect(await planned({})).toMatch(/^bring the version 2\.0\.0-newer\nstart it/);
  });

  test("at any free port keeps the one that it got", async () => {
    const { queen, done } = await aQueenOverSsh();
    await done("add", { ...ADD, port: 0 });
    expect(queen.catalog.find("pc")?.port).toBe(41_000);
  });

  const refusals: Record<string, Partial<FakeComputer["found"]>> = {
    QUEEN_OUT_OF_REACH: { queen: "out of reach" },
    PORT_IN_USE: { port_taken: true },
    NO_SPACE: { disk_free_bytes: 1_000 },
    MANAGED_ELSEWHERE: {
      installed: {
        ...{ hive_id: "pc", queen_id: "another", queen_url: "http://other:7833", version: "1", port: 7_835 },
        ...{ service: false, running: true },
      },
    },
  };
  for (const [code, found] of Object.entries(refusals)) {
    test(`is refused with ${code} before anything is changed`, async () => {
      const { queen, computer, done } = await aQueenOverSsh();
      computer.found = found;
      const refused = await done("add", ADD);
      expect(refused).toMatchObject({ state: "failed", error: { code } });
      expect(queen.catalog.list()).toEqual([]);
      expect(computer).toMatchObject({ installed: undefined, connections: 0 });
    });
  }

  test("as a service is refused where none can be, and what runs goes on", async () => {
    const { computer, done } = await aQueenOverSsh();
    await done("add", ADD);
    const refused = await done("add", { ...ADD, service: true });
    expect(refused).toMatchObject({ state: "failed", error: { code: "MACHINE_FAILED" } });
    expect(refused.error?.message).toContain("leave out --service");
    expect(computer).toMatchObject({ boots: 1, running: expect.anything() });
  });

  test("another queen's hive is taken over when that is asked for, with a token of ours", async () => {
    const { queen: first, computer, done: addThere } = await aQueenOverSsh({ queenId: "another" });
    await addThere("add", ADD);
    const { token } = computer;
    const { queen, ask, done } = await aQueenOverSsh({ computer });
    expect(await done("add", ADD)).toMatchObject({ error: { code: "MANAGED_ELSEWHERE" } });
    await ask("PUT", "/catalog/hives/pc", { host: "10.0.0.9", ssh: { host: "gaming-pc", user: "ada" } });
    for (const verb of ["start", "stop", "restart", "update", "uninstall"]) {
      expect(await done(verb)).toMatchObject({ error: { code: "MANAGED_ELSEWHERE" } });
    }
    expect(computer.running).toBeDefined();

    expect(await done("add", { ...ADD, take_over: true })).toMatchObject({ state: "succeeded" });
    expect(computer.settings).toMatchObject({ queen_id: "queen-1" });
    expect(computer.token).not.toBe(token);
    expect(queen.catalog.joinTokens().get("pc")).toBe(sha256(computer.token ?? ""));
    expect(first.catalog.has("pc")).toBe(true);
  });

  test("a hive that is taken over under another name leaves no record and no token of the former one", async () => {
    const { queen, computer, ask, done, end } = await aQueenOverSsh();
    await done("add", ADD);
    const rename = async (more: object) => {
      const { body } = await ask("POST", "/catalog/hives/desk/add", { ...ADD, ...more });
      return end((body as { readonly operation_id: string }).operation_id);
    };
    expect(await rename({})).toMatchObject({ error: { code: "MANAGED_ELSEWHERE" } });

    expect(await rename({ take_over: true })).toMatchObject({ state: "succeeded" });
    expect(computer.settings).toMatchObject({ hive_id: "desk" });
    expect(queen.catalog.list().map(({ id }) => id)).toEqual(["desk"]);
    expect(queen.queen.registry.listAllHives()).toEqual(["desk"]);
    expect([...queen.catalog.joinTokens().keys()]).toEqual(["desk"]);
    expect(queen.catalog.joinTokens().get("desk")).toBe(sha256(computer.token ?? ""));
  });

  test("a hive that is not heard fails in time, with the machine's own last words", async () => {
    const { queen, computer, post, end } = await aQueenOverSsh();
    computer.onBoot = () => {};
    const { body } = await post("add", ADD);
    await until(() => computer.boots === 1);
    queen.clock.advance(60_000);
    expect(await end(body.operation_id)).toMatchObject({
      state: "failed",
      error: { code: "TIMEOUT" },
      steps: [{}, {}, {}, {}, {}, {}, { name: "first heartbeat", output_tail: "cannot find my queen" }],
    });
  });

  test("a token that was revoked is replaced by a new one", async () => {
    const { queen, computer, ask, done } = await aQueenOverSsh();
    await done("add", ADD);
    const { token } = computer;
    expect((await ask("DELETE", "/catalog/hives/pc")).status).toBe(204);
    expect(queen.catalog.joinTokens().size).toBe(0);

    await done("add", ADD);
    expect(computer.token).not.toBe(token);
    expect(queen.catalog.joinTokens().get("pc")).toBe(sha256(computer.token ?? ""));
  });
});

describe("whatever breaks a step off, the same request again finishes the job and nothing is double", () => {
  const steps: Record<string, readonly Call[]> = {
    add: ["resolve", "connect", "preflight", "install", "start"],
    start: ["connect", "status", "startAgain"],
    stop: ["connect", "status", "stop"],
    restart: ["connect", "status", "stop", "startAgain"],
    update: ["connect", "preflight", "install", "check", "start"],
    uninstall: ["connect", "status", "uninstall"],
  };
  const kills = ["the connection is cut", "it is cancelled", "the queen stops"] as const;
  for (const [verb, calls] of Object.entries(steps)) {
    for (const at of calls) {
      for (const when of ["before", "after"] as const) {
        for (const kill of kills) {
          test(`${verb}: ${kill}, ${when} ${at}`, async () => {
            await story(verb, { at, when, what: kill === "the connection is cut" ? "cut" : "hang" }, kill);
          });
        }
      }
    }
  }

  async function story(verb: string, trouble: Trouble, kill: (typeof kills)[number]) {
    const computer = new FakeComputer();
    const catalog = openCatalog({ kind: "memory" });
    const first = await aQueenOverSsh({ computer, catalog });
    if (verb !== "add") await first.done("add", ADD);
    if (verb === "update") computer.version = "2.0.0-bbb";
    const body = verb === "add" ? ADD : undefined;
    computer.trouble = trouble;
    const met = computer.hangs();
    const { operation_id } = (await first.post(verb, body)).body;
    await met;
    let second = first;
    if (kill === "the queen stops") {
      await first.stop();
      second = await aQueenOverSsh({ computer, catalog });
      expect(await second.end(operation_id)).toMatchObject({ kind: verb, hive_id: "pc", state: "interrupted" });
    } else {
      if (kill === "it is cancelled") await first.ask("POST", `/operations/${operation_id}/cancel`);
      const state = kill === "it is cancelled" ? "cancelled" : "failed";
      expect(await first.end(operation_id)).toMatchObject({ state });
    }
    expect(computer.connections).toBe(0);

    // Over a new queen the hive that still runs is heard again with its next beat.
    if (second !== first && computer.running !== undefined) {
      const boot_id = `boot-${computer.boots}`;
      second.queen.queen.receiveHeartbeat(aHeartbeat({ hive_id: "pc", boot_id, seq: 2 }));
    }
    expect(await second.done(verb, body)).toMatchObject({ state: "succeeded" });

    expect(computer.connections).toBe(0);
    expect(catalog.unfinishedOperations()).toEqual([]);
    const tokens = [...catalog.joinTokens()];
    if (verb === "uninstall") {
      expect([catalog.list(), tokens, computer.installed, computer.running]).toEqual([[], [], undefined, undefined]);
      return;
    }
    expect(catalog.list().map(({ id }) => id)).toEqual(["pc"]);
    expect(tokens).toEqual([["pc", sha256(computer.token ?? "")]]);
    expect(computer.running).toBe(verb === "stop" ? undefined : computer.version);
  }
});

describe("an update", () => {
  test("brings and tries the new version beside the old one, and ends with its heartbeat", async () => {
    const { computer, done } = await aQueenOverSsh();
    await done("add", ADD);
    const { token } = computer;
    computer.version = "2.0.0-bbb";
    const update = await done("update");
    expect(update).toMatchObject({ state: "succeeded" });
    expect(namesOf(update)).toEqual(["connect", "look", "install", "check", "switch", "first heartbeat"]);
    expect(computer).toMatchObject({ running: "2.0.0-bbb", previous: "1.0.0-aaa", token, boots: 2 });
  });

  test("to the version that runs leaves it alone", async () => {
    const { computer, done } = await aQueenOverSsh();
    await done("add", ADD);
    const update = await done("update");
    expect(outputOf(update, "switch")).toContain("nothing to do");
    expect(computer.boots).toBe(1);
  });

  test("whose hive is not heard within 7 s goes back to the version before, and fails with the reason", async () => {
    const { queen, computer, done, post, end } = await aQueenOverSsh();
    await done("add", ADD);
    const { onBoot } = computer;
    computer.version = "2.0.0-bbb";
    computer.onBoot = (boot) => {
      if (boot.version !== "2.0.0-bbb") onBoot(boot);
    };
    const { body } = await post("update");
    await until(() => computer.boots === 2);
    queen.clock.advance(7_000);
    const update = await end(body.operation_id);
    expect(update).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
    expect(update.steps.at(-1)).toMatchObject({ name: "roll back", state: "succeeded" });
    expect(computer.running).toBe("1.0.0-aaa");
  });

  test("that a check refuses changes nothing that runs", async () => {
    const { computer, done } = await aQueenOverSsh();
    await done("add", ADD);
    computer.version = "2.0.0-bbb";
    computer.trouble = { at: "check", when: "before", what: "cut" };
    expect(await done("update")).toMatchObject({ state: "failed" });
    expect(computer).toMatchObject({ running: "1.0.0-aaa", boots: 1 });
  });

  test("of a machine without a hive says to install one", async () => {
    const { ask, done } = await aQueenOverSsh();
    await ask("PUT", "/catalog/hives/pc", { host: "10.0.0.9", ssh: { host: "gaming-pc", user: "ada" } });
    expect(await done("update")).toMatchObject({ error: { code: "HIVE_NOT_FOUND" } });
    expect(await done("install")).toMatchObject({ state: "succeeded" });
  });
});

describe("questions to a machine", () => {
  test("what is installed, and the end of its log", async () => {
    const { computer, ask, done } = await aQueenOverSsh();
    await done("add", ADD);
    expect((await ask("GET", "/catalog/hives/pc/machine")).body).toMatchObject({ hive_id: "pc", running: true });
    expect((await ask("GET", "/catalog/hives/pc/logs?tail_bytes=100")).body).toEqual({ text: "cannot find my queen" });
    expect((await ask("GET", "/catalog/hives/pc/logs?tail_bytes=0")).status).toBe(400);
    expect(computer.connections).toBe(0);
  });

  test("one that does not answer in time is given up", async () => {
    const { queen, computer, ask, done } = await aQueenOverSsh();
    await done("add", ADD);
    computer.trouble = { at: "logs", when: "before", what: "hang" };
    const met = computer.hangs();
    const answer = ask("GET", "/catalog/hives/pc/logs");
    await met;
    queen.clock.advance(20_000);
    expect(await answer).toMatchObject({ status: 504, body: { error: { code: "TIMEOUT" } } });
    expect(computer.connections).toBe(0);
  });

  test("a machine without a hive has none to tell of, and one that is not reached by SSH none to ask", async () => {
    const { ask } = await aQueenOverSsh();
    await ask("PUT", "/catalog/hives/pc", { host: "10.0.0.9", ssh: { host: "gaming-pc", user: "ada" } });
    await ask("PUT", "/catalog/hives/far", { host: "10.0.0.8" });
    expect((await ask("GET", "/catalog/hives/pc/machine")).status).toBe(404);
    expect((await ask("GET", "/catalog/hives/far/machine")).status).toBe(409);
    expect((await ask("GET", "/catalog/hives/nobody/logs")).status).toBe(404);
  });
});

test("eight operations over SSH run at once, and the ninth waits its turn", async () => {
  const { computer, ask, end } = await aQueenOverSsh();
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const open = computer.open.bind(computer);
  computer.open = () => {
    const machine = open();
    return { ...machine, connect: (waiting) => gate.then(() => machine.connect(waiting)) };
  };
  const ids: string[] = [];
  for (let n = 0; n <= SSH_OPERATIONS_MAX; n++) {
    const { body } = await ask("POST", `/catalog/hives/pc-${n}/add`, { ...ADD, dry_run: true });
    ids.push((body as { operation_id: string }).operation_id);
  }
  letGo();
  const ended = await Promise.all(ids.map(end));
  expect(ended.map(({ state }) => state)).toEqual(ids.map(() => "succeeded"));
  expect(ended.map(({ steps }) => steps[0]?.name)).toEqual([
    ...Array<string>(SSH_OPERATIONS_MAX).fill("resolve"),
    "wait its turn",
  ]);
  expect(computer.most_connections).toBeLessThanOrEqual(SSH_OPERATIONS_MAX);
  expect(computer.connections).toBe(0);
});

test("what ssh says reaches the caller by its code", async () => {
  const { computer, done } = await aQueenOverSsh();
  const machine = computer.open();
  const refused = new HiveError("HOST_KEY_CHANGED", "the key of gaming-pc is another one than before");
  computer.open = () => ({ ...machine, connect: () => Promise.reject(refused) });
  expect(await done("add", ADD)).toMatchObject({
    state: "failed",
    error: { code: "HOST_KEY_CHANGED", message: refused.message },
  });
});

/** Resolves when it is so; looks after each turn of the process. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000 && !isSo(); turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(isSo()).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
}
