import { execFileSync, spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { quote, scriptWith } from "./quote.ts";

/** What people and machines are called, and what somebody would call them who means harm. */
const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom("'", '"', "\\", "$", "`", "(", ")", ";", "&", "|", "\n", " ", "*", "!", "-", "~", "#", "é"),
  }),
  fc.constantFrom("", "-rf", "--", "$(reboot)", "';reboot;'", "\\'", "~/x", "a=b", "EOF", "}\n{", "\r\n", "%s%n"),
);
const SHELLS = ["/bin/sh", "/bin/dash", "/bin/bash"];

test("whatever a value holds, a shell reads exactly that", () => {
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 6 }), (values) => {
      const args = values.map((value) => Buffer.from(value.replaceAll("\0", "")).toString());
      for (const shell of SHELLS) {
        const script = scriptWith('for one; do printf "%s\\0" "$one"; done', args);
        const read = execFileSync(shell, { input: script, encoding: "utf8" });
        expect(read.split("\0").slice(0, -1)).toEqual(args);
      }
    }),
    { numRuns: 60 },
  );
});

test("a NUL, which no shell can hold, is refused", () => {
  expect(() => quote("a\0b")).toThrow(TypeError);
});

test("of a script that arrives in part nothing is done", () => {
  const script = scriptWith("echo one\necho two", ["a"]);
  for (let length = 0; length < script.length; length++) {
    expect(spawnSync("sh", { input: script.slice(0, length), encoding: "utf8" }).stdout).toBe("");
  }
  expect(execFileSync("sh", { input: script, encoding: "utf8" })).toBe("one\ntwo\n");
});
