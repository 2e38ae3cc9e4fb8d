import { expect, test } from "vitest";
import { connectionText } from "./connection.ts";

test("how long the queen has been away is counted up in the unit that fits", () => {
  const stale = { state: "stale", since_ms: 1_000, message: "" } as const;
  expect(connectionText(stale, 13_000)).toBe("queen unreachable since 12 s");
  expect(connectionText(stale, 1_000 + 5 * 60_000)).toBe("queen unreachable since 5 min");
  expect(connectionText(stale, 1_000 + 3 * 3_600_000)).toBe("queen unreachable since 3 h");
  // A clock that was set back meanwhile is no reason for negative times.
  expect(connectionText(stale, 0)).toBe("queen unreachable since 0 s");
  expect(connectionText({ state: "live" }, 0)).toBe("live");
});
