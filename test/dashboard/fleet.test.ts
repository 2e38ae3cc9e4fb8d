import { expect, test } from "vitest";
import { aDashboardQueen, aLivelyFleet, aMachine } from "../support/dashboard.ts";
import { aBrowser } from "../support/dashboard-page.ts";

const open = aBrowser();

test("the fleet page shows every hive with its state", { timeout: 120_000 }, async () => {
  const queen = await aDashboardQueen();
  aLivelyFleet(queen);
  const { page, shoot } = await open(queen.url);
  await page.getByRole("link", { name: "rack-1" }).first().waitFor();
  await shoot("fleet");
  expect(await page.title()).toContain("hive");
});

test("a fleet without hives says how to begin", { timeout: 120_000 }, async () => {
  const queen = await aDashboardQueen();
  const { page, shoot } = await open(queen.url);
  await page.getByRole("heading", { name: /no hive/i }).waitFor();
  await shoot("fleet-empty");
  queen.fleet.put(aMachine("desk"));
  await page.getByRole("link", { name: "desk" }).first().waitFor();
});
