import { expect, test } from "vitest";
import { aDashboardQueen, aLivelyFleet, aMachine } from "../support/dashboard.ts";
import { aBrowser } from "../support/dashboard-page.ts";

const open = aBrowser();
const PATIENCE = { timeout: 120_000 };

test(
  "the fleet page shows every hive, how it is and how full, and says of a clock that is a day off",
  PATIENCE,
  async () => {
    const queen = await aDashboardQueen();
    aLivelyFleet(queen);
    const { page, shoot } = await open(queen.url);
    const tile = (id: string) =>
      page.getByRole("list", { name: "Hives" }).getByRole("listitem").filter({ hasText: id });
    await tile("rack-1").getByText("alive").waitFor();
    await tile("garage").getByText("suspect").waitFor();
    await tile("cellar").getByText("silent").waitFor();
    await tile("attic").getByText("23.8 of 24 GB").waitFor();
    await tile("rack-1")
      .getByText(/4 GPUs/)
      .waitFor();
    const odd = tile("old-clock");
    await odd.getByText("alive").waitFor();
    await odd.getByText(/clock is 24 h behind/).waitFor();
    await page.getByRole("navigation", { name: "Models with free slots" }).getByText("llama-3-8b").waitFor();
    // A rate is known when the counters were read twice.
    await page.getByText(/^\d[\d.]* ?a second/).waitFor();
    await shoot("fleet");
  },
);

test("a hive that falls silent and one that comes back are seen without anybody asking", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  for (const id of ["attic", "desk", "rack"]) queen.fleet.put(aMachine(id));
  const { page } = await open(queen.url);
  const tile = page.getByRole("list", { name: "Hives" }).getByRole("listitem").filter({ hasText: "attic" });
  await tile.getByText("alive").waitFor();
  queen.fleet.fallsSilent("attic");
  queen.clock.advance(13_000);
  await tile.getByText("suspect").waitFor();
  queen.clock.advance(20_000);
  await tile.getByText("silent").waitFor();
  queen.fleet.put(aMachine("attic"));
  await tile.getByText("alive").waitFor();
});

test(
  "hives are found by name, label, model and state, and the address keeps what was looked for",
  PATIENCE,
  async () => {
    const queen = await aDashboardQueen();
    aLivelyFleet(queen);
    const { page, go } = await open(queen.url);
    const search = page.getByRole("searchbox", { name: /Search hives/ });
    for (const [words, found] of [
      ["attic", "1 of 9 hives"],
      ["zone=hall", "2 of 9 hives"],
      ["metal", "1 of 9 hives"],
      ["hall mistral", "2 of 9 hives"],
    ] as const) {
      await search.fill(words);
      await page.getByText(found).waitFor();
    }
    await search.fill("");
    await page.getByRole("radio", { name: "suspect" }).check();
    await page.getByText("1 of 9 hives").waitFor();
    expect(await page.evaluate(() => location.hash)).toContain("status=suspect");
    await go("#/?q=nobody");
    await page.getByRole("heading", { name: "No hive is like that" }).waitFor();
    await page.getByRole("button", { name: "Show all hives" }).click();
    await page.getByText("9 hives", { exact: true }).waitFor();
  },
);

test("a fleet without hives says how to begin, and shows the first one as soon as it beats", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  const { page, shoot } = await open(queen.url);
  await page.getByRole("heading", { name: "No hives yet" }).waitFor();
  await shoot("fleet-empty");
  queen.fleet.put(aMachine("desk"));
  await page.getByRole("link", { name: "desk" }).first().waitFor();
});

test("until the fleet is known the page says that it is on its way", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  queen.fleet.put(aMachine("desk"));
  const { page, shoot } = await open(queen.url, { isHeld: true });
  await page.getByText("The fleet is on its way").waitFor({ state: "attached" });
  await page.getByRole("status", { name: "Connection: Connecting" }).waitFor();
  await shoot("fleet-loading");
});

test("a hive that comes and goes is marked as flapping", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  for (const id of ["attic", "desk", "rack"]) queen.fleet.put(aMachine(id));
  for (let flap = 0; flap < 6; flap++) {
    queen.fleet.fallsSilent("attic");
    queen.clock.advance(35_000);
    queen.fleet.put(aMachine("attic"));
    queen.clock.advance(6_000);
  }
  const { page, shoot } = await open(queen.url, { hash: "#/hives/attic" });
  await page.getByText("flapping", { exact: true }).first().waitFor();
  await shoot("hive-flapping");
});

test(
  "when most of the fleet falls silent together, the page says that nobody is forgotten for now",
  PATIENCE,
  async () => {
    const queen = await aDashboardQueen();
    const ids = Array.from({ length: 12 }, (_, at) => `hive-${at}`);
    for (const id of ids) queen.fleet.put(aMachine(id));
    queen.clock.advance(60_000);
    for (const id of ids.slice(2)) queen.fleet.fallsSilent(id);
    queen.clock.advance(40_000);
    const { page, shoot } = await open(queen.url);
    await page.getByText("Evictions are frozen").waitFor();
    await shoot("fleet-frozen");
  },
);
