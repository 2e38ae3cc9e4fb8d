import { expect, test } from "vitest";
import { ageText, bytesOfText, bytesText, clockText, countText, durationText, percentText, rateText } from "./units.ts";

test("memory is read in the unit that fits, and what is unknown is no zero", () => {
  expect(bytesText(512e6)).toBe("512 MB");
  expect(bytesText(23.94e9)).toBe("23.9 GB");
  expect(bytesText(24e9)).toBe("24 GB");
  expect(bytesText(1.25e12)).toBe("1.3 TB");
  expect(bytesText(0)).toBe("0 kB");
  expect(bytesText(undefined)).toBe("–");
  expect(bytesOfText(18.4e9, 24e9)).toBe("18.4 of 24 GB");
  expect(bytesOfText(2e9, undefined)).toBe("2 GB");
  expect(bytesOfText(0.5e12, 2e12)).toBe("0.5 of 2 TB");
});

test("durations say no more than matters", () => {
  expect(durationText(340)).toBe("340 ms");
  expect(durationText(3_400)).toBe("3 s");
  expect(durationText(119_000)).toBe("119 s");
  expect(durationText(240_000)).toBe("4 min");
  expect(durationText(7_500_000)).toBe("2 h 5 min");
  expect(durationText(3 * 86_400_000)).toBe("3 days");
  expect(ageText(700)).toBe("now");
  expect(ageText(3_900)).toBe("3 s ago");
});

test("a clock that is off is told with its direction, and one that is near is not", () => {
  expect(clockText(undefined)).toBeUndefined();
  expect(clockText(-1_900)).toBeUndefined();
  expect(clockText(25 * 3_600_000)).toBe("its clock is 25 h ahead; that does no harm");
  expect(clockText(-3 * 86_400_000)).toBe("its clock is 3 days behind; that does no harm");
});

test("counts, rates and percents", () => {
  expect(countText(1234)).toBe("1,234");
  expect(countText(80_000)).toBe("80 k");
  expect(countText(4_560_000)).toBe("4.6 M");
  expect(rateText(0)).toBe("0");
  expect(rateText(3.14)).toBe("3.1");
  expect(rateText(1500)).toBe("1,500");
  expect(percentText(49.6)).toBe("50 %");
  expect(percentText(undefined)).toBe("–");
});
