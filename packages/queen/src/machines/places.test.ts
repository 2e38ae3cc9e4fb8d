import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { NetworkInterfaceInfo } from "node:os";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { queenAddress } from "./queen-address.ts";
import { queenIdIn } from "./queen-id.ts";
import { Turns } from "./turns.ts";

const anAddress = (address: string, internal = false) =>
  ({ address, internal, family: address.includes(":") ? "IPv6" : "IPv4" }) as NetworkInterfaceInfo;

test("a queen that listens everywhere names its first address that others can reach", () => {
  const here = {
    lo: [anAddress("127.0.0.1", true)],
    eth0: [anAddress("fe80::1"), anAddress("fd00::5"), anAddress("10.0.0.5")],
  };
  expect(queenAddress("0.0.0.0", 7_833, here)).toBe("http://10.0.0.5:7833");
  expect(queenAddress("::", 7_833, { eth0: [anAddress("fe80::1"), anAddress("fd00::5")] })).toBe(
    "http://[fd00::5]:7833",
  );
  expect(queenAddress("0.0.0.0", 7_833, { lo: here.lo })).toBe("http://127.0.0.1:7833");
  expect(queenAddress("127.0.0.1", 7_833, here)).toBe("http://127.0.0.1:7833");
  expect(queenAddress("queen.lan", 7_833, here)).toBe("http://queen.lan:7833");
});

test("the queen's id stays the same, in a file that its owner alone can read", () => {
  const directory = mkdtempSync(join(tmpdir(), "hive-queen-id-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "state", "queen.id");
  const id = queenIdIn(path)();
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect([queenIdIn(path)(), readFileSync(path, "utf8").trim()]).toEqual([id, id]);
  expect((statSync(path).mode & 0o777).toString(8)).toBe("600");

  writeFileSync(path, "");
  const renewed = queenIdIn(path)();
  expect(renewed).not.toBe(id);
  expect(queenIdIn(path)()).toBe(renewed);
});

test("turns go to those who wait in their order, and not to those who left", async () => {
  const turns = new Turns(1);
  const first = turns.take();
  expect(turns.take()).toBeUndefined();
  const leaving = new AbortController();
  const left = turns.wait(leaving.signal);
  const second = turns.wait(new AbortController().signal);
  leaving.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  first?.();
  first?.();
  const giveBack = await second;
  expect(turns.take()).toBeUndefined();
  giveBack();
  expect(turns.take()).toBeDefined();
});
