import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LABELS_MAX } from "@hive-registry/contract";
import { expect, test } from "vitest";
import { aQueen, isFull } from "../heartbeat/testing/fake-queen.ts";
import { aHive } from "../testing/a-hive.ts";
import { aFolder } from "../workers/testing/fake-worker.ts";
import { type Given, readSettings } from "./settings.ts";

const labelsOf = (flags: Given, env: Readonly<Record<string, string>> = {}, toml = "") => {
  const file = join(aFolder(), "hive.toml");
  writeFileSync(file, toml);
  return readSettings(flags, { XDG_STATE_HOME: "/state", ...env }, file).labels;
};
const TOML = '[labels]\nzone = "eu"\n"gpu/kind" = "a, b = c"\n';

test("labels come from flags before the environment before the file, all of them from one place", () => {
  expect(labelsOf({}, {}, TOML)).toEqual({ zone: "eu", "gpu/kind": "a, b = c" });
  expect(labelsOf({}, { HIVE_LABELS: "tier=spot, room=attic" }, TOML)).toEqual({ tier: "spot", room: "attic" });
  expect(labelsOf({ labels: ["zone=us", "note=a, b=c", "zone=ap"] }, { HIVE_LABELS: "tier=spot" }, TOML)).toEqual({
    ...{ zone: "ap", note: "a, b=c" },
  });
  expect(labelsOf({})).toEqual({});
  expect(labelsOf({ labels: ["empty="] })).toEqual({ empty: "" });
});

test("the queen hears a hive's labels, and nothing of none", async () => {
  const queen = await aQueen();
  await aHive({ queens: [queen.url], id: "desk", labels: { zone: "eu" } });
  await queen.hears("the first", (beat) => isFull(beat) && beat.hive_id === "desk");
  expect(queen.latest?.labels).toEqual({ zone: "eu" });
  const other = await aQueen();
  await aHive({ queens: [other.url] });
  await other.hears("the second", isFull);
  expect(other.latest).not.toHaveProperty("labels");
});

test("there may be so many of them and no more", () => {
  const some = (count: number) => Array.from({ length: count }, (_, at) => `k${at}=v`);
  expect(Object.keys(labelsOf({ labels: some(LABELS_MAX) }))).toHaveLength(LABELS_MAX);
  expect(() => labelsOf({ labels: some(LABELS_MAX + 1) })).toThrow(`--label: at most ${LABELS_MAX} labels`);
});

test.each([
  ["no value", { labels: ["zone"] }, {}, "", /^--label must be KEY=VALUE: .*; not zone$/],
  ["no key", {}, { HIVE_LABELS: "zone=eu,=x" }, "", /^HIVE_LABELS must be KEY=VALUE/],
  ["a key with a space", { labels: ["my zone=eu"] }, {}, "", /^--label must be KEY=VALUE/],
  ["a key that is too long", { labels: [`${"k".repeat(64)}=v`] }, {}, "", /^--label must be KEY=VALUE/],
  ["a value that is too long", { labels: [`k=${"v".repeat(257)}`] }, {}, "", /^--label must be KEY=VALUE/],
  ["a value with a line's end", { labels: ["k=a\nb"] }, {}, "", /^--label must be KEY=VALUE/],
  ["a number", {}, {}, "[labels]\nzone = 7\n", /^"labels" in .* must hold labels, KEY=VALUE/],
  ["a key that names what all objects have", {}, {}, '[labels]\n"__proto__" = "x"\n', /labels/],
  ["no table", {}, {}, "labels = true\n", /^"labels" in .* must be text/],
])("%s is refused, and by its name", (_what, flags, env, toml, message) => {
  expect(() => labelsOf(flags, env, toml)).toThrow(message);
});
