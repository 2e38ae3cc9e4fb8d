import { expect, test } from "vitest";
import { HiveRegistry } from "../registry.ts";
import { aHeartbeat, aWorker } from "../testing/builders.ts";

test("a worker is excluded alone by HIVE/WORKER, and with its namesakes by its id", () => {
  const registry = new HiveRegistry();
  for (const hive_id of ["desk", "rack"]) {
    registry.updateHiveState(
      hive_id,
      aHeartbeat({ hive_id, workers: [aWorker({ worker_id: "w", model_id: "m", url: "http://w" })] }),
      { receivedAtMs: Number.MAX_SAFE_INTEGER },
    );
  }
  const hiveOf = (exclude: string[]) => {
    const reservation = registry.reserve({ model: "m", exclude });
    reservation?.release();
    return reservation?.hive_id;
  };
  expect([hiveOf(["desk/w"]), hiveOf(["rack/w"])]).toEqual(["rack", "desk"]);
  expect([hiveOf(["desk/w", "rack/w"]), hiveOf(["w"])]).toEqual([undefined, undefined]);
  const [first] = registry.explain({ model: "m", exclude: ["desk/w"] }).candidates;
  expect(first).toMatchObject({ hive_id: "rack" });
});
