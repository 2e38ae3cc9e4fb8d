import { ERROR_STATUS } from "@hive-registry/contract";
import fc from "fast-check";
import type { HiveHeartbeatPayload } from "hive-registry";
import { describe, expect, test } from "vitest";
import { aQueen, type TestQueen } from "../packages/queen/src/testing/a-queen.ts";
import { type Beating, beating } from "./support/beating.ts";
import { aMutatedHeartbeat, VALID } from "./support/mutations.ts";

const INNOCENTS = ["innocent-1", "innocent-2", "innocent-3"];
const ALLOWED = [400, 413, 415];

interface Reply {
  readonly accepted?: boolean;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A queen that knows some hives nobody may touch, and what they look like. */
async function aQueenWithInnocents(): Promise<{ queen: TestQueen; expectInnocentsUntouched: () => void }> {
  const queen = await aQueen();
  for (const hive_id of INNOCENTS) await queen.heartbeat({ ...VALID, hive_id });
  const states = () => INNOCENTS.map((hive_id) => queen.queen.registry.getHiveState(hive_id));
  const before = JSON.stringify(states());
  return {
    queen,
    expectInnocentsUntouched() {
      expect(JSON.stringify(states())).toBe(before);
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  };
}

/** The documented shape: a reply that was accepted or refused, or an error with a code of the table and its status. */
function expectDocumented(status: number, reply: Reply): void {
  if (status === 200) {
    expect(typeof reply.accepted).toBe("boolean");
    return;
  }
  expect(ALLOWED).toContain(status);
  const code = reply.error?.code as keyof typeof ERROR_STATUS;
  expect(ERROR_STATUS[code]).toBe(status);
  expect(reply.error?.message).toMatch(/^.{1,1000}$/su);
  expect(JSON.stringify(reply)).not.toMatch(/node_modules|\bat \w+ \(|file:\/\/\//);
}

/** What was accepted is what is known: no part of it lost, and no sum that is none. */
function expectKept({ queen }: TestQueen, body: Buffer): void {
  const payload = JSON.parse(body.toString()) as HiveHeartbeatPayload;
  const state = queen.registry.getHiveState(payload.hive_id);
  expect(state?.worker_count).toBe(payload.workers.length);
  const { vram_used_gb, ram_used_gb, workers } = queen.registry.stats();
  expect(Number.isFinite(vram_used_gb) && vram_used_gb >= 0).toBe(true);
  expect(Number.isFinite(ram_used_gb) && ram_used_gb >= 0).toBe(true);
  expect(workers.idle + workers.busy + workers.loading).toBe(workers.total);
}

describe("mutated heartbeats", { timeout: 180_000 }, () => {
  test("ten thousand of them are each taken or refused as documented, and touch nobody else", async () => {
    const { queen, expectInnocentsUntouched } = await aQueenWithInnocents();
    const seen = { taken: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(aMutatedHeartbeat, async (payload) => {
        const { revision } = queen.queen.registry;
        const reply = await queen.app.inject({
          ...{ method: "POST", url: "/api/v1/heartbeat", payload },
          headers: { host: "localhost", "content-type": "application/json" },
        });
        const body = reply.json<Reply>();
        expectDocumented(reply.statusCode, body);
        if (body.accepted === true) {
          seen.taken++;
          expectKept(queen, payload);
        } else {
          seen.refused++;
          expect(queen.queen.registry.revision).toBe(revision);
        }
        expectInnocentsUntouched();
      }),
      { numRuns: 10_000, endOnFailure: false },
    );
    // Neither all noise nor all harmless.
    expect(seen.taken).toBeGreaterThan(500);
    expect(seen.refused).toBeGreaterThan(5_000);
    expect((await queen.stats()).hives.total).toBe(queen.queen.registry.hiveCount());
  });

  test("hundreds over keep-alive connections find the same queen at their end", async () => {
    const { queen, expectInnocentsUntouched } = await aQueenWithInnocents();
    const url = await queen.app.listen({ host: "127.0.0.1", port: 0 });
    await fc.assert(
      fc.asyncProperty(aMutatedHeartbeat, async (payload) => {
        const response = await fetch(`${url}/api/v1/heartbeat`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: new Uint8Array(payload),
        });
        expectDocumented(response.status, (await response.json()) as Reply);
      }),
      { numRuns: 300 },
    );
    expectInnocentsUntouched();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test("hundreds over WebSockets are each answered, or end their own connection", async () => {
    const { queen, expectInnocentsUntouched } = await aQueenWithInnocents();
    const url = await queen.app.listen({ host: "127.0.0.1", port: 0 });
    let connection: Beating | undefined;
    await fc.assert(
      fc.asyncProperty(aMutatedHeartbeat, fc.boolean(), async (payload, asText) => {
        connection ??= await beating(url);
        const reply = await connection.send(asText ? payload.toString() : payload);
        if (reply === undefined) {
          // Too many faults in a row. Whoever comes back is heard again.
          expect([1008, 1009]).toContain((await connection.closed).code);
          connection = undefined;
          return;
        }
        expect(typeof reply.accepted).toBe("boolean");
        if (!reply.accepted && reply.error !== undefined) {
          expect(Object.keys(ERROR_STATUS)).toContain(reply.error.code);
          // It spoke for a hive already: the next one gets a connection of its own.
          if (reply.error.code === "HIVE_ID_MISMATCH") {
            connection.close();
            connection = undefined;
          }
        }
      }),
      { numRuns: 300 },
    );
    expectInnocentsUntouched();
    expect(await (await beating(url)).send(JSON.stringify(VALID))).toMatchObject({ accepted: true });
  });
});
