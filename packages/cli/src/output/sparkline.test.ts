import { expect, test } from "vitest";
import { isUtf8, sparkline } from "./sparkline.ts";

test("a sparkline goes from nothing to full, and leaves blank what nobody knows", () => {
  const values = [0, 12.5, null, 50, 99, 100, 130];
  expect(sparkline(values, 100, { isUtf8: true })).toBe("▁▂ ▅███");
  expect(sparkline(values, 100, { isUtf8: false })).toBe("_. =###");
  expect(sparkline([0, 0], 0, { isUtf8: true })).toBe("▁▁");
  expect(sparkline([], 1, { isUtf8: true })).toBe("");
});

test("only a locale of UTF-8 gets its letters; the most particular variable decides", () => {
  expect(isUtf8({ LANG: "de_DE.UTF-8" })).toBe(true);
  expect(isUtf8({ LC_ALL: "C", LANG: "en_US.utf8" })).toBe(false);
  expect(isUtf8({ LC_ALL: "", LC_CTYPE: "C.utf8" })).toBe(true);
  expect(isUtf8({})).toBe(false);
});
