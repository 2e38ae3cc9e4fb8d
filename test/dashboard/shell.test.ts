import { expect, test } from "vitest";
import { aGateway } from "../../packages/queen/src/gateway/testing/a-gateway.ts";
import { aBusyWorker, aDashboardQueen, aGpu, aLivelyFleet, aMachine } from "../support/dashboard.ts";
import { aBrowser } from "../support/dashboard-page.ts";

const open = aBrowser();
const PATIENCE = { timeout: 120_000 };

test(
  "while the queen is away the page says since when, keeps what it knew, and goes on when she is back",
  PATIENCE,
  async () => {
    const first = await aGateway();
    first.report([{ model_id: "llama-3-8b" }], "desk");
    const { page, shoot, expects } = await open(first.url);
    expects(
      /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_SOCKET_NOT_CONNECTED|503/,
    );
    await page.getByRole("link", { name: "desk" }).first().waitFor();
    await page.getByRole("status", { name: "Connection: Live" }).waitFor();

    await first.running.stop();
    await page.getByText(/queen unreachable since \d+ s/i).waitFor();
    await page.getByRole("status", { name: "Connection: Stale" }).waitFor();
    await page.getByRole("link", { name: "desk" }).first().waitFor();
    await shoot("stale");

    const again = await aGateway({}, { port: Number(new URL(first.url).port) });
    again.report([{ model_id: "llama-3-8b" }], "attic");
    await page.getByRole("link", { name: "attic" }).first().waitFor();
    await page.getByText(/queen unreachable/i).waitFor({ state: "detached" });
    // What she does not know is gone.
    await page.getByRole("link", { name: "desk", exact: true }).waitFor({ state: "detached" });
  },
);

test("a queen with a token is asked for nothing without it, and a wrong one is told", PATIENCE, async () => {
  const token = "the-token-of-the-fleet-0123456789";
  const queen = await aDashboardQueen({ token });
  queen.fleet.put(aMachine("desk"));
  const { page, shoot, expects } = await open(queen.url);
  expects(/401/);
  const dialog = page.getByRole("dialog", { name: "This queen asks for a token" });
  await dialog.waitFor();
  await shoot("token");
  await dialog.getByLabel("Token", { exact: true }).fill("not-the-token-of-the-fleet");
  await dialog.getByRole("button", { name: "Connect" }).click();
  await dialog.getByText("The queen refused the last one.").waitFor();
  await dialog.getByLabel("Token", { exact: true }).fill(token);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "desk" }).first().waitFor();
  // It lies in the tab alone, and counts for what is opened there next.
  expect(await page.evaluate(() => localStorage.length)).toBe(0);
  await page.reload();
  await page.getByRole("link", { name: "desk" }).first().waitFor();
  expect(await dialog.count()).toBe(0);
});

test("whoever names hives, models and labels writes text, and nothing else", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  const trap = (name: string) => `<img src=x onerror="document.title='${name}'">`;
  queen.fleet.put(
    aMachine(trap("hive"), {
      devices: [aGpu({ name: trap("device") })],
      workers: [aBusyWorker({ worker_id: trap("worker"), model_id: trap("model"), engine: trap("engine") })],
      version: trap("version"),
      labels: { zone: "<b>home</b>" },
    }),
  );
  const { page, go } = await open(queen.url);
  const hive = encodeURIComponent(trap("hive"));
  const places = [
    ["#/", "hive"],
    [`#/hives/${hive}`, "device"],
    [`#/hives/${hive}/workers/${encodeURIComponent(trap("worker"))}`, "model"],
    ["#/models", "model"],
    [`#/models/${encodeURIComponent(trap("model"))}`, "worker"],
    ["#/playground", "model"],
    ["#/events", "hive"],
  ] as const;
  for (const [place, seen] of places) {
    await go(place);
    await page.getByText(trap(seen)).first().waitFor({ state: "attached" });
    expect(await page.locator("img").count(), place).toBe(0);
    expect(await page.title(), place).toContain("hive");
  }
});

test("every page is reached and used by keyboard alone", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  aLivelyFleet(queen);
  const { page } = await open(queen.url);
  await page.getByRole("link", { name: "rack-1" }).first().waitFor();
  const press = (...keys: readonly string[]) =>
    keys.reduce(async (before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");

  await press("Tab");
  expect(await focused()).toBe("Skip to the page");
  await press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");

  await press("/");
  await page.keyboard.type("attic");
  await page.getByText("1 of 9 hives").waitFor();
  await press("Escape");
  await page.getByText("9 hives", { exact: true }).waitFor();

  for (const name of ["Models", "Playground", "Machines", "Events"]) {
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).focus();
    await press("Enter");
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    // Who listens begins at the new page.
    await page.waitForFunction(() => document.activeElement?.id === "main");
  }
});

test("an address that names nothing says so", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  const { page } = await open(queen.url, { hash: "#/nowhere" });
  await page.getByRole("heading", { name: "No such page" }).waitFor();
  await page.getByRole("link", { name: "To the fleet" }).click();
  await page.getByRole("heading", { name: "Fleet", level: 1 }).waitFor();
});

test("what people chose of light and dark stays", PATIENCE, async () => {
  const queen = await aDashboardQueen();
  const { page } = await open(queen.url);
  await page.waitForSelector("html[data-theme=light]");
  await page
    .getByRole("button", { name: /theme|light|dark|system/i })
    .first()
    .click();
  const chosen = await page.evaluate(() => localStorage.getItem("hive.theme"));
  expect(chosen).not.toBeNull();
  await page.reload();
  await page.waitForSelector(`html[data-theme=${chosen === "dark" ? "dark" : "light"}]`);
});
