import { expect, test } from "vitest";
import { aHive } from "../testing/a-hive.ts";

test("a worker that a queen starts for a request is told as such, and one for the CPU gets no GPU", async () => {
  const { ask, model } = await aHive();
  const start = (fields: object) =>
    ask("POST", "/v1/workers", { model: model({}, "tiny.gguf"), wait: true, ...fields });
  const onDemand = await start({ on_demand: true, gpu: false });
  expect(onDemand.json).toMatchObject({ phase: "ready", on_demand: true, worker: { worker_id: "tiny" } });
  const byHand = await start({});
  expect(byHand.json).not.toHaveProperty("on_demand");

  const argsOf = async (url: string): Promise<string[]> => (await (await fetch(`${url}/args`)).json()).args;
  const without = await argsOf(onDemand.json.worker.url);
  expect(without.slice(without.indexOf("--gpu"), without.indexOf("--gpu") + 2)).toEqual(["--gpu", "off"]);
  expect(await argsOf(byHand.json.worker.url)).not.toContain("--gpu");

  const { workers } = (await ask("GET", "/v1/workers")).json;
  expect(workers.map(({ on_demand }: { on_demand?: boolean }) => on_demand)).toEqual([true, undefined]);
});
