import { HiveError } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { openCatalog } from "../catalog/index.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { FOLLOWERS_MAX, INTERRUPTED_MAX, OPERATIONS_MAX, Operations } from "./operations.ts";
import { GIVE_UP_WITHIN_MS } from "./run-job.ts";

describe("operations", () => {
  const quick = [{ name: "step", run: async () => "done" }];
  const endless = [{ name: "step", run: () => new Promise<string>(() => {}) }];
  const silent = { error: () => {}, warn: () => {} };
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  test("end with the first step that fails", async () => {
    const operations = new Operations({
      clock: new FakeClock(),
      log: silent,
      catalog: openCatalog({ kind: "memory" }),
    });
    const works = [
      ...quick,
      { name: "breaks", run: () => Promise.reject(new HiveError("TIMEOUT", "no luck")) },
      ...quick,
    ];
    const { operation_id } = operations.begin("start", "desk", { works });
    await settled();
    expect(operations.find(operation_id)).toMatchObject({
      state: "failed",
      steps: [{ state: "succeeded", output_tail: "done" }, { state: "failed" }],
      error: { code: "TIMEOUT", message: "no luck" },
    });
  });

  test("keep to themselves what is nobody else's business", async () => {
    const logged: object[] = [];
    const operations = new Operations({
      clock: new FakeClock(),
      log: { ...silent, error: (fields) => logged.push(fields) },
      catalog: openCatalog({ kind: "memory" }),
    });
    const works = [{ name: "breaks", run: () => Promise.reject(new Error("cannot open /home/me/secret")) }];
    const { operation_id } = operations.begin("start", "desk", { works });
    await settled();
    const { error } = operations.find(operation_id);
    expect(error?.code).toBe("INTERNAL");
    expect(error?.message).toContain(operation_id);
    expect(error?.message).not.toContain("secret");
    expect(logged).toMatchObject([{ err: { message: "cannot open /home/me/secret" } }]);
  });

  test("are forgotten when there are too many, those that run never", async () => {
    const operations = new Operations({
      clock: new FakeClock(),
      log: silent,
      catalog: openCatalog({ kind: "memory" }),
    });
    const running = operations.begin("start", "endless", { works: endless });
    const ended = operations.begin("start", "first", { works: quick });
    await settled();
    for (let at = 2; at < OPERATIONS_MAX; at++) operations.begin("start", `hive-${at}`, { works: endless });
    operations.begin("start", "one more", { works: endless });
    expect(() => operations.find(ended.operation_id)).toThrow(/No operation/);
    expect(operations.find(running.operation_id)).toMatchObject({ state: "running" });
    expect(() => operations.begin("start", "yet one more", { works: endless })).toThrow(/under way/);
  });

  /** Works until it is told to give up. */
  const patient = (heeds: boolean) => [
    {
      name: "waits",
      run: (signal: AbortSignal) =>
        new Promise<string>((_, reject) => {
          if (heeds) signal.addEventListener("abort", () => reject(signal.reason));
        }),
    },
  ];

  test("are given up when they are cancelled, let go of what they used, and undo what must not stay", async () => {
    const operations = new Operations({
      clock: new FakeClock(),
      log: silent,
      catalog: openCatalog({ kind: "memory" }),
    });
    const done: string[] = [];
    const { operation_id } = operations.begin("add", "desk", {
      works: [...patient(true), ...quick],
      otherwise: () => ({ name: "undo", run: async () => String(done.push("undo")) }),
      end: async () => void done.push("end"),
    });
    operations.cancel(operation_id);
    await settled();
    expect(operations.find(operation_id)).toMatchObject({
      state: "cancelled",
      error: { code: "CANCELLED" },
      steps: [
        { name: "waits", state: "failed" },
        { name: "undo", state: "succeeded" },
      ],
    });
    expect(done).toEqual(["undo", "end"]);
    expect(operations.cancel(operation_id)).toMatchObject({ state: "cancelled" });
    expect(() => operations.begin("add", "desk", { works: quick })).not.toThrow();
  });

  test("end also when a step does not heed that it is cancelled, and when it takes too long", async () => {
    const clock = new FakeClock();
    const operations = new Operations({ clock, log: silent, catalog: openCatalog({ kind: "memory" }) });
    const deaf = operations.begin("add", "deaf", { works: patient(false) });
    const slow = operations.begin("add", "slow", {
      works: patient(true).map((work) => ({ ...work, withinMs: 3_000 })),
    });
    operations.cancel(deaf.operation_id);
    clock.advance(GIVE_UP_WITHIN_MS);
    await settled();
    expect(operations.find(deaf.operation_id)).toMatchObject({ state: "cancelled" });
    expect(operations.find(slow.operation_id)).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
  });

  test("are listed, the newest first, of one hive or of all", async () => {
    const operations = new Operations({
      clock: new FakeClock(),
      log: silent,
      catalog: openCatalog({ kind: "memory" }),
    });
    for (const hive of ["a", "b", "c"]) operations.begin("start", hive, { works: quick });
    await settled();
    operations.begin("stop", "a", { works: quick });
    const listed = (query: { readonly hive_id?: string; readonly limit: number }) =>
      operations.list(query).map(({ kind, hive_id }) => `${kind} ${hive_id}`);
    expect(listed({ limit: 2 })).toEqual(["stop a", "start c"]);
    expect(listed({ hive_id: "a", limit: 10 })).toEqual(["stop a", "start a"]);
  });

  test("that an end of the queen cuts off are told by her next life, until somebody begins again", async () => {
    const catalog = openCatalog({ kind: "memory" });
    const first = new Operations({ clock: new FakeClock(), log: silent, catalog });
    const { operation_id } = first.begin("add", "desk", { works: patient(true) });
    await first.stop();
    expect(first.find(operation_id)).toMatchObject({ state: "interrupted" });
    expect(() => first.begin("add", "rack", { works: quick })).toThrow(
      expect.objectContaining({ code: "SHUTTING_DOWN" }),
    );

    const second = new Operations({ clock: new FakeClock(), log: silent, catalog });
    expect(second.list({ limit: 10 })).toMatchObject([
      { operation_id, kind: "add", hive_id: "desk", state: "interrupted", steps: [{ name: "waits", state: "failed" }] },
    ]);
    second.begin("add", "desk", { works: quick });
    await settled();
    expect(catalog.unfinishedOperations()).toEqual([]);
  });

  test("that were cut off are kept by the hundred, and followers by a bounded number", () => {
    const catalog = openCatalog({ kind: "memory" });
    for (let at = 0; at < INTERRUPTED_MAX + 5; at++) {
      const operation_id = `operation-${at}`;
      catalog.noteOperation({ operation_id, hive_id: `h${at}`, kind: "add", started_at_ms: at, last_step: "install" });
    }
    const operations = new Operations({ clock: new FakeClock(), log: silent, catalog });
    expect(operations.list({ limit: OPERATIONS_MAX })).toHaveLength(INTERRUPTED_MAX);
    expect(catalog.unfinishedOperations()[0]).toMatchObject({ operation_id: "operation-5" });

    const { operation_id } = operations.begin("add", "desk", { works: endless });
    for (let at = 0; at < FOLLOWERS_MAX; at++) operations.follow(operation_id, () => {});
    expect(() => operations.follow(operation_id, () => {})).toThrow(
      expect.objectContaining({ code: "TOO_MANY_REQUESTS" }),
    );
  });
});
