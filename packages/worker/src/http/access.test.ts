import { tokenHash } from "@hive-registry/command";
import { expect, onTestFinished, test } from "vitest";
import { FakeEngine } from "../engine/testing/fake-engine.ts";
import { aWorker } from "../testing/a-worker.ts";

async function aHashWorker(more: { readonly token?: string } = {}) {
  const engine = new FakeEngine(async function* () {});
  const worker = await aWorker("fake.gguf", { engine, fleetTokenSha256: tokenHash("fleet"), ...more });
  onTestFinished(() => worker.stop());
  return async (headers: Record<string, string>) => (await fetch(`${worker.url}/v1/models`, { headers })).status;
}

test.each([{}, { token: "own" }])(
  "the fleet's token gets into a worker that only knows its hash (%j)",
  async (more) => {
    const ask = await aHashWorker(more);
    expect(await ask({ authorization: "Bearer fleet" })).toBe(200);
    expect(await ask({ "x-api-key": "fleet" })).toBe(200);
    expect(await ask({ authorization: "Bearer own" })).toBe("token" in more ? 200 : 401);
  },
);

test.each([
  {},
  { authorization: "Bearer wrong" },
  { authorization: `Bearer ${tokenHash("fleet")}` },
  { authorization: "Basic fleet" },
  { "x-api-key": "" },
  { "x-api-key": tokenHash("fleet") },
])("%j does not", async (headers) => {
  const ask = await aHashWorker({ token: "own" });
  expect(await ask(headers as Record<string, string>)).toBe(401);
});
