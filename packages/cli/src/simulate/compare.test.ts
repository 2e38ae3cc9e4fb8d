import { DEFAULT_SCENARIO, type Scenario, simulate, simulateCentral, WAYS } from "@hive-registry/simulation";
import { expect, test } from "vitest";
import { CommandError } from "../failure.ts";
import { aPage } from "../testing/fakes.ts";
import { type CompareFlags, compare, waitText } from "./compare.ts";

const FLAGS: CompareFlags = {
  ...{ hives: 2, workers: 2, slots: 1, load: [0.5], beat: 5, queens: 1, requests: 200, seed: 1 },
};

async function compared(flags: Partial<CompareFlags> = {}, base: CompareFlags = FLAGS) {
  const page = aPage();
  const scenarios: Scenario[] = [];
  const deps = {
    ...{ print: page.print, progress: page.progress, look: page.look, breathe: async () => undefined },
    ...{ ways: WAYS, scenario: DEFAULT_SCENARIO, simulateCentral },
    simulate: (...[scenario, way]: Parameters<typeof simulate>) => {
      scenarios.push(scenario);
      return simulate(scenario, way);
    },
  };
  await compare(deps, { ...base, ...flags });
  return { page, scenarios };
}

test("every way has a line, and below them stands the central queue", async () => {
  const { page } = await compared();
  const lines = page.text().trimEnd().split("\n");
  expect(lines[0]).toBe("4 workers × 1 slot on 2 hives, load 0.5, a beat every 5 s,");
  expect(lines.slice(3).map((line) => line.split(" ")[0])).toEqual([...WAYS, "central"]);
});

test("each load has a table of its own, and without one there are two", async () => {
  const { load: _one, ...withoutLoad } = FLAGS;
  const { scenarios } = await compared({ way: ["best"] }, withoutLoad);
  expect(scenarios.map(({ load }) => load)).toEqual([0.7, 0.9]);
});

test("with prefixes it tells who remembers them", async () => {
  const { page, scenarios } = await compared({ prefixes: 8, way: ["prefix"] });
  expect(scenarios[0]?.prompts).toMatchObject({ prefixes: 8, remembers: 2 });
  expect(page.text()).toMatch(/REMEMBERED\n.*\d %$/m);
});

test("for programs it is one JSON, the same for the same seed", async () => {
  const json = async (seed: number) => (await compared({ json: true, seed, way: ["best"] })).page.text();
  const [{ load, outcomes }] = JSON.parse(await json(1));
  expect(load).toBe(0.5);
  expect(outcomes).toMatchObject([{ way: "best", completed: 200 }, { way: "central" }]);
  expect(await json(1)).toBe(await json(1));
  expect(await json(2)).not.toBe(await json(1));
});

test.each<Partial<CompareFlags>>([
  { load: [1] },
  { load: [0] },
  { hives: 0 },
  { hives: 1_000, workers: 11 },
  { requests: 1_000_001 },
  { queens: 65 },
  { beat: 0.05 },
  { prefixes: 0 },
])("what cannot be simulated is refused before anything is: %j", async (flags) => {
  await expect(compared(flags)).rejects.toThrow(CommandError);
});

test("waits are shown in the unit in which they are read", () => {
  expect([0.12, 12.34, 1_234, 131_000].map(waitText)).toEqual(["0.1 ms", "12.3 ms", "1.2 s", "131 s"]);
});
