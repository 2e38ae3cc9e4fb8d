import { ClientError, type Operation } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { aHive, aPage, NOW_MS } from "../testing/fakes.ts";
import { FOLLOW_MAX_MS, type LifecycleDeps, startHive, stopHive } from "./lifecycle.ts";

const anOperation = (state: Operation["state"], more: Partial<Operation> = {}): Operation => ({
  operation_id: "op1",
  kind: "start",
  hive_id: "desk",
  state,
  started_at_ms: NOW_MS,
  steps: [],
  ...more,
});

/** A queen that starts hives on this machine, `desk`, with a clock that only waiting moves. */
function aQueen(more: {
  readonly operations?: readonly Operation[];
  readonly cataloged?: boolean;
  readonly beats?: boolean;
}) {
  const page = aPage();
  const done: string[] = [];
  const operations = [...(more.operations ?? [anOperation("running"), anOperation("succeeded")])];
  const started = { operation_id: "op1", hive_id: "desk", hive_url: "http://127.0.0.1:7835", port: 7835 };
  let nowMs = NOW_MS;
  const notFound = () =>
    Promise.reject(new ClientError("HIVE_NOT_FOUND", "not there", { status: 404, server: "queen" }));
  const record = {
    id: "desk",
    host: "127.0.0.1",
    port: 7835,
    status: "unknown" as const,
    created_at_ms: 0,
    updated_at_ms: 0,
  };
  const deps: LifecycleDeps = {
    ...page,
    hiveId: "desk",
    nowMs: () => nowMs,
    pause: async (ms) => {
      nowMs += ms;
    },
    client: {
      catalogHive: async () => (more.cataloged ? record : notFound()),
      putCatalogHive: async (id, put) => {
        done.push(`put ${id} ${put.host}`);
        return record;
      },
      startHive: async (id) => {
        done.push(`start ${id}`);
        return started;
      },
      stopHive: async (id) => {
        done.push(`stop ${id}`);
        return started;
      },
      operation: async () => (operations.length > 1 ? operations.shift()! : operations[0]!),
      hive: async () => (more.beats === false ? notFound() : { ...aHive(), online: true }),
    },
  };
  return { page, deps, done };
}

describe("hive start and hive stop", () => {
  test("localhost is put into the catalog first, then started, then its heartbeat is awaited", async () => {
    const { page, deps, done } = aQueen({});
    expect(await startHive(deps, "localhost")).toBe(0);
    expect(done).toEqual(["put desk 127.0.0.1", "start desk"]);
    expect(page.err).toEqual(["desk runs at http://127.0.0.1:7835"]);
  });

  test("what the catalog has is left as it is", async () => {
    const { deps, done } = aQueen({ cataloged: true });
    expect(await startHive(deps, "desk")).toBe(0);
    expect(done).toEqual(["start desk"]);
  });

  test("another machine that nobody cataloged is refused before anything is started", async () => {
    const { deps, done } = aQueen({});
    await expect(startHive(deps, "rack-7")).rejects.toThrow("not in the catalog");
    expect(done).toEqual([]);
  });

  test("a failed step is told with its code and its output, exit 1", async () => {
    const step = { name: "spawn", state: "failed" as const, started_at_ms: 0, output_tail: "no such file" };
    const failed = anOperation("failed", { steps: [step], error: { code: "INTERNAL", message: "cannot start it" } });
    const { page, deps } = aQueen({ operations: [failed], cataloged: true });
    expect(await startHive(deps, "desk")).toBe(1);
    expect(page.err).toEqual(["INTERNAL: cannot start it", "no such file"]);
  });

  test("a hive that never beats is a failure after a bounded wait", async () => {
    const { page, deps } = aQueen({ cataloged: true, beats: false });
    expect(await startHive(deps, "desk")).toBe(1);
    expect(page.err.join()).toContain("no heartbeat");
    expect(deps.nowMs() - NOW_MS).toBeLessThan(2 * FOLLOW_MAX_MS + 1_000);
  });

  test("an operation that does not end is left alone after a bounded time", async () => {
    const { deps } = aQueen({ operations: [anOperation("running")], cataloged: true });
    await expect(stopHive(deps, "desk")).rejects.toThrow("the queen goes on with it");
  });

  test("stop ends it", async () => {
    const { page, deps, done } = aQueen({ operations: [anOperation("succeeded")] });
    expect(await stopHive(deps, "127.0.0.1")).toBe(0);
    expect(done).toEqual(["stop desk"]);
    expect(page.err).toEqual(["desk is stopped"]);
  });
});
