import { expect, test } from "vitest";
import { FakeComputer } from "../../packages/queen/src/machines/testing/fake-computer.ts";
import { aDashboardQueen, aMachine, type DashboardQueen } from "../support/dashboard.ts";
import { aBrowser } from "../support/dashboard-page.ts";

const open = aBrowser();
const PATIENCE = { timeout: 120_000 };

/** A queen whose machines are all one computer; its hive is heard as soon as it starts. */
async function aQueenWithMachines(): Promise<{ readonly queen: DashboardQueen; readonly computer: FakeComputer }> {
  const computer = new FakeComputer();
  const machines = { open: () => computer.open(), queenId: () => "queen-1", queenUrl: () => "http://10.0.0.1:7833" };
  const queen = await aDashboardQueen({ machines });
  computer.onBoot = ({ boot_id }) => queen.fleet.put(aMachine(computer.settings?.hive_id ?? "pc", { boot_id }));
  return { queen, computer };
}

test("a machine is added from the form, step by step, until its hive is heard", PATIENCE, async () => {
  const { queen, computer } = await aQueenWithMachines();
  const { page, shoot } = await open(queen.url, { hash: "#/machines" });
  await page.getByRole("heading", { name: "No machine was added yet" }).waitFor();
  await shoot("machines-empty");
  await page.getByRole("link", { name: "Add a machine" }).first().click();
  await page.getByRole("heading", { name: "Add a machine", level: 1 }).waitFor();

  await page.getByRole("button", { name: "Add it" }).click();
  await page.getByText("Name the machine as ssh knows it").waitFor();
  await page.getByLabel("Machine", { exact: true }).fill("ada@attic:2222");
  await page.getByText("More", { exact: true }).click();
  await page.getByLabel("Labels").fill("zone=attic");
  await shoot("machine-add");

  // It hangs while the hive is brought: what is done so far is in sight, and what goes on.
  computer.trouble = { at: "install", when: "before", what: "hang" };
  const hangs = computer.hangs();
  await page.getByRole("button", { name: "Add it" }).click();
  await hangs;
  await page.getByRole("heading", { name: "Add attic" }).waitFor();
  const steps = page.getByRole("list", { name: "Steps" }).getByRole("listitem");
  await steps.filter({ hasText: "install" }).getByText("under way").waitFor({ state: "attached" });
  await steps.filter({ hasText: "NVIDIA H200" }).waitFor();
  await shoot("operation-running");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("What was done so far stays").first().waitFor();
  await shoot("operation-cancelled");

  await page.getByRole("link", { name: "Back to the form" }).click();
  expect(await page.getByLabel("Machine", { exact: true }).inputValue()).toBe("ada@attic:2222");
  await page.getByRole("button", { name: "Add it" }).click();
  await page.getByRole("link", { name: "See attic" }).waitFor();
  await shoot("operation-succeeded");
  expect(computer.settings).toMatchObject({ hive_id: "attic" });
  await page.getByRole("link", { name: "See attic" }).click();
  await page.getByRole("heading", { name: "attic" }).first().waitFor();
});

test("a dry run says what would be done, and changes nothing", PATIENCE, async () => {
  const { queen, computer } = await aQueenWithMachines();
  const { page } = await open(queen.url, { hash: "#/machines/add" });
  await page.getByLabel("Machine", { exact: true }).fill("attic");
  await page.getByRole("button", { name: "Only look, change nothing" }).click();
  await page.getByText("Nothing was changed: this is what would be done.").waitFor();
  await page.getByText("wait for its first heartbeat").waitFor();
  expect(computer.calls).not.toContain("install");
  expect(queen.catalog.list()).toEqual([]);
});

test("a machine that cannot take the hive is told with what to do", PATIENCE, async () => {
  const { queen, computer } = await aQueenWithMachines();
  computer.found = { queen: "out of reach" };
  const { page, shoot } = await open(queen.url, { hash: "#/machines/add" });
  await page.getByLabel("Machine", { exact: true }).fill("attic");
  await page.getByRole("button", { name: "Add it" }).click();
  const alert = page.getByRole("alert");
  await alert.getByText("QUEEN_OUT_OF_REACH").waitFor();
  await alert.getByText("Let the queen listen where that machine reaches her").waitFor();
  await shoot("operation-failed");
});

test("what can be done to a machine is asked first, and Escape leaves it alone", PATIENCE, async () => {
  const { queen, computer } = await aQueenWithMachines();
  const { page, shoot } = await open(queen.url, { hash: "#/machines/add" });
  await page.getByLabel("Machine", { exact: true }).fill("attic");
  await page.getByRole("button", { name: "Add it" }).click();
  await page.getByRole("link", { name: "See attic" }).waitFor();
  await page.getByRole("link", { name: "Machines" }).first().click();
  await page.getByRole("row", { name: /attic.*online/ }).waitFor();
  await shoot("machines");

  const stop = page.getByRole("button", { name: "Stop attic" });
  await stop.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Stop attic?" });
  await dialog.getByText("Requests that run there are broken off").waitFor();
  await shoot("machines-question");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(computer.running).toBeDefined();
  expect(await stop.evaluate((button) => button === document.activeElement)).toBe(true);

  await page.getByRole("button", { name: "Log of attic" }).click();
  await page.getByRole("dialog").getByText("cannot find my queen").waitFor();
  await page.keyboard.press("Escape");

  await stop.click();
  queen.fleet.fallsSilent("attic");
  await dialog.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByText("Done").first().waitFor();
  expect(computer.running).toBeUndefined();
});

test("an operation that nobody knows is said to be forgotten", PATIENCE, async () => {
  const { queen } = await aQueenWithMachines();
  const { page, expects } = await open(queen.url, { hash: "#/operations/long-ago" });
  expects(/404/);
  await page.getByRole("heading", { name: "No such operation" }).waitFor();
});
