import { expect, test } from "vitest";
import { checkedInWords } from "./installed.ts";

test("what a version says when it is tried is told in a line", () => {
  const said = { version: "0.2.0-abc", hive_id: "attic", queen_url: "http://10.0.0.1:7833", devices: [] as string[] };
  expect(checkedInWords(JSON.stringify(said))).toBe(
    "0.2.0-abc runs, finds no GPU, and reaches the queen at http://10.0.0.1:7833",
  );
  expect(checkedInWords(JSON.stringify({ ...said, devices: ["RTX 4090", "RTX 3090"] }))).toContain(
    "finds RTX 4090 and RTX 3090",
  );
  // Another release may say it otherwise.
  expect(checkedInWords("fine")).toBe("it runs");
});
