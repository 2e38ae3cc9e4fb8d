import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Given, readSettings } from "./settings.ts";

/** No file of this machine's own is read. */
const env = { HOME: "/nowhere", XDG_CONFIG_HOME: "/nowhere" };
const webhookOf = (flags: Given, more: Record<string, string> = {}) => readSettings(flags, { ...env, ...more }).webhook;

test("without a URL nobody is told, whatever else is set", () => {
  expect(webhookOf({})).toBeUndefined();
  expect(webhookOf({ webhook_types: "hive" }, { HIVE_WEBHOOK_SECRET: "s" })).toBeUndefined();
});

test("a URL is enough; types are a list, and the secret comes from a file of its own or the environment", () => {
  const webhook_url = "https://alerts.lan/hive?to=me";
  expect(webhookOf({ webhook_url })).toEqual({ url: webhook_url, types: [], secret: undefined });
  expect(webhookOf({ webhook_url, webhook_types: "hive, worker.failed" })?.types).toEqual(["hive", "worker.failed"]);
  expect(webhookOf({ webhook_url }, { HIVE_WEBHOOK_SECRET: "s3cret" })?.secret).toBe("s3cret");
  const folder = mkdtempSync(join(tmpdir(), "webhook-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "secret");
  writeFileSync(file, "of-the-file\n", { mode: 0o600 });
  expect(webhookOf({ webhook_url, webhook_secret_file: file }, { HIVE_WEBHOOK_SECRET: "s" })?.secret).toBe(
    "of-the-file",
  );
  writeFileSync(join(folder, "open"), "x", { mode: 0o644 });
  expect(() => webhookOf({ webhook_url, webhook_secret_file: join(folder, "open") })).toThrow(/chmod 600/);
});

test("what cannot be meant is refused in words", () => {
  for (const url of ["ftp://x", "alerts.lan", "https://me:secret@alerts.lan"]) {
    expect(() => webhookOf({ webhook_url: url }), url).toThrow(/webhook.url/);
  }
  expect(() => webhookOf({ webhook_url: "http://x", webhook_types: "hive,wroker" })).toThrow(/"wroker" is no type/);
});
