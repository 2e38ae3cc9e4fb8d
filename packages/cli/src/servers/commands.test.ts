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
