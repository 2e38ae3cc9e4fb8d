import { expect, test } from "vitest";
import { aDashboardQueen, aLivelyFleet, aMachine } from "../support/dashboard.ts";
import { aBrowser } from "../support/dashboard-page.ts";

const open = aBrowser();
const PATIENCE = { timeout: 120_000 };

test("what happens shows up by itself, newest first, and leads to where it happened", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  aLivelyFleet(queen);
  const { page, shoot } = await open(queen.url, { hash: "#/events" });
  const lines = page.locator(".event");
  await lines.filter({ hasText: "garage" }).first().waitFor();
  await shoot("events");
  queen.fleet.put(aMachine("newcomer"));
  await lines.filter({ hasText: "newcomer" }).first().waitFor();
  const times = await lines
    .locator("time")
    .evaluateAll((all) => all.map((one) => Date.parse(one.getAttribute("datetime") ?? "")));
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  await lines.filter({ hasText: "newcomer" }).getByRole("link", { name: "newcomer", exact: true }).first().click();
  await page.getByRole("heading", { name: "newcomer", level: 1 }).waitFor();
});

test("one may look at one hive or at what is bad only, and share that as an address", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  aLivelyFleet(queen);
  const { page, go } = await open(queen.url, { hash: "#/events" });
  const lines = page.locator(".event");
  await lines.filter({ hasText: "desk" }).first().waitFor();
  await page.getByRole("searchbox", { name: "Hive" }).fill("cellar");
  await lines.filter({ hasText: "desk" }).first().waitFor({ state: "detached" });
  await lines.filter({ hasText: "cellar" }).first().waitFor();
  expect(await lines.filter({ hasNotText: "cellar" }).count()).toBe(0);
  expect(await page.evaluate(() => location.hash)).toContain("hive_id=cellar");
  await page.getByRole("radio", { name: "Warnings" }).check();
  await lines.filter({ hasText: "cellar" }).first().waitFor();
  await go("#/events?hive_id=nobody");
  await page.getByRole("heading", { name: "Nothing of this kind happened lately" }).waitFor();
  await page.getByRole("button", { name: "Show everything" }).click();
  await lines.filter({ hasText: "desk" }).first().waitFor();
});

test("a page that is paused stands still, and then tells what it missed", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  queen.fleet.put(aMachine("desk"));
  const { page } = await open(queen.url, { hash: "#/events" });
  const lines = page.locator(".event");
  await lines.filter({ hasText: "desk" }).first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  queen.fleet.put(aMachine("meanwhile"));
  // The header counts it, so the page has heard of it.
  await page.getByText("of 2 hives").waitFor();
  expect(await lines.filter({ hasText: "meanwhile" }).count()).toBe(0);
  expect(asked).not.toContain("/api/v1/events");
  await page.getByRole("button", { name: "Go on" }).click();
  await lines.filter({ hasText: "meanwhile" }).first().waitFor();
});
