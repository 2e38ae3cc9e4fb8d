import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { HiveClient, RegistryEvent, RegistrySnapshot } from "@hive-registry/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { aNetwork, networksFault } from "./support/network.ts";
import { startProgram } from "./support/processes.ts";
import { watching } from "./support/watching.ts";
import { aWorkplace, PROGRAM, type Workplace } from "./support/workplace.ts";

const DAY_MS = 86_400_000;
const SKEWED_CLOCK = fileURLToPath(new URL("support/skewed-clock.cjs", import.meta.url));
/** A tenth of what is usual: stories of half a minute take three seconds. */
const QUICK = ["--heartbeat-interval-ms", "500", "--silent-after-ms", "3000"];

const isChosen = (client: HiveClient): Promise<string> =>
  eventually("the queen names a worker", () =>
    client.route("hive-demo").then(
      ({ hive_id }) => hive_id,
      () => undefined,
    ),
  );

const isLosing = (change: RegistrySnapshot | RegistryEvent): boolean =>
  change.type === "hive.suspect" || change.type === "hive.silent" || change.type === "hive.evicted";

/** What makes a program's clock that far off, and sets it later. */
function aClockIn(workplace: Workplace, skewMs: number) {
  const file = workplace.file("skew", String(skewMs));
  return {
    env: { NODE_OPTIONS: `--require ${SKEWED_CLOCK}`, HIVE_TEST_SKEW_FILE: file },
    set: (laterMs: number) => writeFileSync(file, String(laterMs)),
  };
}

describe("a queen that stood still", { timeout: 120_000 }, () => {
  test("for longer than hives take to be evicted evicts nobody on waking, calls nobody silent, and says so", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen([...QUICK, "--evict-after-ms", "4000"]);
    for (const id of ["desk", "rack"]) await workplace.agent(queen.url, ["--id", id]);
    await eventually("both are there", async () => (await queen.client.stats()).hives.alive === 2);
    const watch = await watching(queen.client);
    process.kill(queen.pid, "SIGSTOP");
    onTestFinished(() => {
      try {
        process.kill(queen.pid, "SIGCONT");
      } catch {
        // It has ended meanwhile.
      }
    });
    // Nothing can be waited for but the time itself: it is what this is about.
    const stoppedAtMs = performance.now();
    await eventually("eight seconds have passed", () => performance.now() - stoppedAtMs >= 8_000);
    process.kill(queen.pid, "SIGCONT");

    const stalled = await watch.sees("the stall is told", (change) => change.type === "fleet.stalled");
    expect(stalled).toMatchObject({ stall_ms: expect.any(Number) });
    expect((stalled as { stall_ms: number }).stall_ms).toBeGreaterThan(7_000);
    await eventually("the grace is over", async () => {
      const { liveness } = await queen.client.stats();
      return liveness.grace_until_ms === undefined;
    });
    expect((await queen.client.stats()).hives).toEqual({ total: 2, alive: 2, suspect: 0, silent: 0 });
    const lost = watch.changes.filter((change) => change.type === "hive.silent" || change.type === "hive.evicted");
    expect(lost).toEqual([]);
    expect(queen.stdout() + queen.stderr()).toMatch(/This queen stood still/);
  });
});

describe("an operator's word", { timeout: 120_000 }, () => {
  test("evicts all that are silent at once, and ends a freeze", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen(QUICK);
    const agents = [];
    for (const id of ["a", "b", "c"]) agents.push(await workplace.agent(queen.url, ["--id", id]));
    await eventually("all are there and the start is past", async () => {
      const { hives, liveness } = await queen.client.stats();
      return hives.alive === 3 && liveness.grace_until_ms === undefined;
    });
    expect(await queen.client.thaw()).toEqual({ thawed: false });
    const watch = await watching(queen.client);
    await Promise.all(agents.map((agent) => agent.end("SIGKILL")));
    const frozen = await watch.sees("evictions are frozen", (change) => change.type === "fleet.frozen");
    expect(frozen).toMatchObject({ total: 3 });
    expect((await queen.client.stats()).liveness.frozen_until_ms).toBeGreaterThan(0);
    expect(queen.stdout() + queen.stderr()).toMatch(/fell silent together/);

    expect(await queen.client.thaw()).toEqual({ thawed: true });
    await eventually("all are silent", async () => (await queen.client.stats()).hives.silent === 3);
    const { evicted, hive_ids } = await queen.client.evictSilent();
    expect([evicted, hive_ids.toSorted()]).toEqual([3, ["a", "b", "c"]]);
    expect(await queen.client.listHives()).toEqual([]);
  });
});

describe("a machine whose clock is wrong", { timeout: 120_000 }, () => {
  test.each([DAY_MS, -DAY_MS])("by %i ms behaves as any other, and the skew is shown", async (skewMs) => {
    const workplace = aWorkplace();
    const queen = await workplace.queen(QUICK);
    const clock = aClockIn(workplace, skewMs);
    await workplace.agent(queen.url, ["--id", "odd"], clock);
    expect(await isChosen(queen.client)).toBe("odd");
    const { clock_skew_ms = 0, status } = await queen.client.hive("odd");
    expect(status).toBe("alive");
    expect(Math.abs(clock_skew_ms - skewMs)).toBeLessThan(60_000);
  });

  test("and jumps while it runs stays alive and chosen, and the jump is told", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen(QUICK);
    const clock = aClockIn(workplace, 0);
    await workplace.agent(queen.url, ["--id", "odd"], clock);
    await isChosen(queen.client);
    const watch = await watching(queen.client);
    for (const skewMs of [DAY_MS, -DAY_MS]) {
      clock.set(skewMs);
      await watch.sees(
        "the jump is told",
        (change) => change.type === "hive.clock" && Math.abs(change.to_ms - skewMs) < 60_000,
      );
      expect(await isChosen(queen.client)).toBe("odd");
    }
    expect(watch.changes.filter(isLosing)).toEqual([]);
  });
});

if (networksFault() === undefined) {
  test("a machine whose cable is pulled gets no work long before it counts as offline", {
    timeout: 120_000,
  }, async () => {
    const token = "the-token-of-the-fleet";
    const network = aNetwork();
    const workplace = aWorkplace();
    const place = network.place();
    const tokenFile = workplace.file("token", token);
    const queen = await workplace.queen([...QUICK, "--listen", network.address, "--token-file", tokenFile], { token });
    const [command = "", ...before] = place.wrapper;
    const words = ["--queen", queen.url, "--port", "0", "--id", "attic", "--token-file", tokenFile];
    const args = [...before, process.execPath, PROGRAM.agent, ...words];
    startProgram(command, { args, env: workplace.env, cwd: workplace.root });
    expect(await isChosen(queen.client)).toBe("attic");
    await eventually("the grace of the start is over", async () => {
      const { liveness } = await queen.client.stats();
      return liveness.grace_until_ms === undefined;
    });
    const watch = await watching(queen.client);

    place.unplug();
    const doubted = await watch.sees("it is doubted", (change) => change.type === "hive.suspect");
    expect(doubted).toMatchObject({ hive_id: "attic", reason: "quiet" });
    await expect(queen.client.route("hive-demo")).rejects.toMatchObject({ code: "NO_WORKER" });
    const silent = await watch.sees("it is offline", (change) => change.type === "hive.silent");
    const heard = (await queen.client.hive("attic")).received_at_ms;
    // By the queen's own clock, of which each step is at most one look late; a busy machine looks later.
    expect((doubted as RegistryEvent).at_ms - heard).toBeGreaterThanOrEqual(1_250);
    expect((silent as RegistryEvent).at_ms - heard).toBeGreaterThanOrEqual(3_000);
    expect((doubted as RegistryEvent).at_ms).toBeLessThan((silent as RegistryEvent).at_ms);

    place.plug();
    expect(await isChosen(queen.client)).toBe("attic");
  });
}
