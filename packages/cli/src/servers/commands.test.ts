import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

/** The compiled one: where a program lies is known to Node, not to who runs the tests. */
const { serverCommand } = (await import(
  new URL("../../dist/servers/commands.js", import.meta.url).href
)) as typeof import("./commands.ts");

test.each(["queen", "hive"] as const)("the %s is started with a command that this Node understands", (server) => {
  const [node = "", ...args] = serverCommand(server);
  expect(args.at(-1)).toMatch(new RegExp(`/packages/${server}/dist/main\\.js$`));
  expect(execFileSync(node, [...args, "--version"], { encoding: "utf8" })).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("the queen's young memory stays small, so that the collector's pauses stay short", () => {
  const [node = "", ...args] = serverCommand("queen");
  const program = `
    const kept = new Array(50_000);
    for (let at = 0; at < 3_000_000; at++) kept[at % kept.length] = { at, text: "x" + at };
    const { space_size } = require("node:v8").getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    process.stdout.write(String(space_size));`;
  const spaceBytes = (flags: readonly string[]) =>
    Number(execFileSync(node, [...flags, "-e", program], { encoding: "utf8" }));
  expect(spaceBytes(args.slice(0, -1))).toBeLessThan(spaceBytes([]) / 2);
});
