import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, test } from "vitest";
import { advertisedWith, refuseOpenWithoutToken } from "./advertise.ts";

const address = (text: string, internal: boolean, family: "IPv4" | "IPv6" = "IPv4") =>
  ({ address: text, internal, family }) as NetworkInterfaceInfo;
const interfaces = {
  lo: [address("127.0.0.1", true), address("::1", true, "IPv6")],
  eth0: [address("fe80::1", false, "IPv6"), address("192.168.1.7", false)],
};

describe("a queen that others can reach", () => {
  test.each([
    [undefined, undefined],
    ["127.0.0.1", undefined],
    ["localhost", undefined],
    ["10.0.0.5", "10.0.0.5"],
    ["0.0.0.0", "192.168.1.7"],
    ["::", "192.168.1.7"],
  ])("on %s has this machine's workers advertised as %s", (listen, advertised) => {
    expect(advertisedWith(listen, interfaces)).toBe(advertised);
  });

  test("on a machine without a network advertises nothing", () => {
    expect(advertisedWith("0.0.0.0", { lo: interfaces.lo })).toBeUndefined();
  });

  test("is not started without a token", () => {
    expect(() => refuseOpenWithoutToken("0.0.0.0", undefined)).toThrow(/needs a token.*HIVE_TOKEN/);
    for (const [listen, token] of [
      ["0.0.0.0", "secret"],
      ["127.0.0.1", undefined],
      [undefined, undefined],
    ] as const) {
      expect(() => refuseOpenWithoutToken(listen, token)).not.toThrow();
    }
  });
});
