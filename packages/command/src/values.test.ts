import { expect, test } from "vitest";
import { host, oneOf, optional, path, port, SettingError, text, textList, whole, yesOrNo } from "./values.ts";

test.each([
  ["a port", port, "0", 0],
  ["a port of the file", port, 7_833, 7_833],
  ["an IPv6 address", host, "[::1]", "::1"],
  ["a list in one text", textList, "a, b", ["a", "b"]],
  ["a list", textList, ["a"], ["a"]],
  ["yes", yesOrNo, "yes", true],
  ["no", yesOrNo, false, false],
  ["a choice", oneOf(["a", "b"]), "b", "b"],
  ["a path", path, "/a/../b", "/b"],
  ["a number", whole(1, 10), "10", 10],
  ["an optional text", optional(text), "x", "x"],
])("%s is read", (_, read, given, value) => {
  expect(read(given, "it")).toEqual(value);
});

test.each([
  ["a port beyond all ports", port, "65536"],
  ["a port with a fraction", port, 1.5],
  ["a host with a space", host, "a b"],
  ["a list with a gap", textList, "a,,b"],
  ["maybe", yesOrNo, "maybe"],
  ["no choice", oneOf(["a", "b"]), "c"],
  ["nothing", text, ""],
  ["a number out of range", whole(1, 10), "11"],
  ["a negative number", whole(-5, 10), "-1"],
])("%s is refused", (_, read, given) => {
  expect(() => read(given, "--it")).toThrow(SettingError);
  expect(() => read(given, "--it")).toThrow(/^--it must be/);
});
