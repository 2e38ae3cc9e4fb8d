import { expect, test } from "vitest";
import { aDashboardQueen, aLivelyFleet } from "../support/dashboard.ts";
import { aBrowser } from "../support/dashboard-page.ts";

const open = aBrowser();
const PATIENCE = { timeout: 120_000 };

test("a hive's page has its devices, its workers, what it was like, what happened, and its log", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  aLivelyFleet(queen);
  const { page, shoot } = await open(queen.url, { hash: "#/hives/rack-1" });
  await page.getByRole("heading", { name: "rack-1", level: 1 }).waitFor();
  await page.getByText("NVIDIA H100").first().waitFor();
  await page.getByRole("link", { name: "rack-1-3" }).waitFor();
  await shoot("hive", { isFull: true });

  const tabs = page.getByRole("tablist");
  await tabs.getByRole("tab").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.locator(".chart canvas").first().waitFor();
  await shoot("hive-history", { isFull: true });
  await tabs.getByRole("tab", { name: "Events" }).click();
  await page.getByText(/rack-1 is heard/).waitFor();
  expect(await page.evaluate(() => location.hash)).toContain("tab=events");
});

test("a hive that is silent, suspect or has a wrong clock says what that means", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  aLivelyFleet(queen);
  const { page, go, shoot, expects } = await open(queen.url, { hash: "#/hives/cellar" });
  expects(/404.*nobody/);
  await page.getByText("Silent:").waitFor();
  await shoot("hive-silent");
  await go("#/hives/garage");
  await page.getByText("Suspect:").waitFor();
  await go("#/hives/old-clock");
  await page.getByText(/clock is 24 h behind.*ages are counted by the queen's clock alone/i).waitFor();
  await go("#/hives/nobody");
  await page.getByRole("heading", { name: "Nobody hears of nobody" }).waitFor();
});

test("a worker's page says how full it is, and why it would or would not be chosen", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  aLivelyFleet(queen);
  const { page, go, shoot } = await open(queen.url, { hash: "#/hives/desk/workers/desk-0" });
  await page.getByRole("heading", { name: "desk-0", level: 1 }).waitFor();
  await page.getByRole("heading", { name: "Would it be chosen now?" }).waitFor();
  await page
    .getByRole("row", { name: /rack-1-0/ })
    .first()
    .waitFor();
  const lately = page.getByRole("table", { name: "How choices ended for this worker, the newest first" });
  await lately
    .getByRole("row", { name: /chosen|another one is better/ })
    .first()
    .waitFor();
  const place = queen.queen.line.reserveNow({ model: "llama-3-8b", hive_id: "desk" });
  await page.getByRole("row", { name: new RegExp(place?.reservation_id as string) }).waitFor();
  await shoot("worker", { isFull: true });
  await go("#/hives/rack-2/workers/rack-2-0");
  await page
    .getByText(/loads its model|loading/i)
    .first()
    .waitFor();
  await go("#/hives/desk/workers/nobody");
  await page.getByRole("heading", { name: "desk has no worker nobody" }).waitFor();
});

test(
  "the models page has each model with its free slots, and leads to who serves it and to the playground",
  PATIENCE,
  async () => {
    const queen = await aDashboardQueen();
    aLivelyFleet(queen);
    const { page, shoot } = await open(queen.url, { hash: "#/models" });
    const row = page.getByRole("row", { name: /qwen-2.5-14b/ });
    await row.waitFor();
    await shoot("models");
    await row.getByRole("link", { name: "qwen-2.5-14b", exact: true }).click();
    await page.getByRole("heading", { name: "qwen-2.5-14b", level: 1 }).waitFor();
    await page.getByRole("row", { name: /attic/ }).first().waitFor();
    await shoot("model", { isFull: true });
    await page.getByRole("main").getByRole("link", { name: /^Try/ }).first().click();
    await page.getByRole("heading", { name: "Playground", level: 1 }).waitFor();
    await page.waitForFunction(() => document.querySelector("select")?.value === "qwen-2.5-14b");
  },
);
