import { describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { decideReach, plainAddress, ReachKeeper } from "./reach.ts";

const aFact = (part: Partial<Parameters<typeof decideReach>[0]> = {}) => ({
  queens: ["http://127.0.0.1:7833"],
  advertise: undefined,
  token: undefined,
  apiDemandsToken: false,
  route: undefined,
  ownAddresses: () => new Set(["127.0.0.1", "192.168.1.7", "::1"]),
  ...part,
});
const elsewhere = { local_address: "192.168.1.7", remote_address: "192.168.1.2" };
const far = { queens: ["http://queen.lan:7833"], route: elsewhere };

describe("workers listen", () => {
  test("on loopback and without a key when the queen is on this machine, token or not", () => {
    for (const token of [undefined, "s3cret"]) {
      expect(decideReach(aFact({ token }))).toEqual({
        host: "127.0.0.1",
        beyondLoopback: false,
        lacksToken: false,
        exposure: { listen: "127.0.0.1" },
      });
    }
  });

  test("on loopback also when the queen is reached by an address of this machine itself", () => {
    const route = { local_address: "192.168.1.7", remote_address: "192.168.1.7" };
    expect(decideReach(aFact({ queens: ["http://192.168.1.7:7833"], route, token: "s3cret" }))).toMatchObject({
      host: "127.0.0.1",
      exposure: { listen: "127.0.0.1" },
    });
  });

  test("everywhere and with the fleet's token as key when the queen is elsewhere; the URL names the address towards her", () => {
    expect(decideReach(aFact({ ...far, token: "s3cret" }))).toEqual({
      host: "192.168.1.7",
      beyondLoopback: true,
      lacksToken: false,
      exposure: { listen: "0.0.0.0", token: "s3cret" },
    });
  });

  test("on loopback when there is no token to demand; then no URL is given out, and that is said", () => {
    expect(decideReach(aFact(far))).toEqual({
      host: undefined,
      beyondLoopback: true,
      lacksToken: true,
      exposure: { listen: "127.0.0.1" },
    });
    expect(decideReach(aFact({ ...far, advertise: "gpu1.lan" }))).toMatchObject({ host: undefined, lacksToken: true });
  });

  test("as for a queen elsewhere when one of several is, and when it is not known yet", () => {
    const queens = ["http://127.0.0.1:7833", "http://queen.lan:7833"];
    expect(decideReach(aFact({ queens, route: elsewhere, token: "t" }))).toMatchObject({ host: "192.168.1.7" });
    expect(decideReach(aFact({ queens, token: "t" }))).toMatchObject({
      host: undefined,
      exposure: { listen: "0.0.0.0", token: "t" },
    });
  });

  test("with the key wherever the hive's own API demands it, for they report there", () => {
    expect(decideReach(aFact({ token: "t", apiDemandsToken: true }))).toMatchObject({
      exposure: { listen: "127.0.0.1", token: "t" },
    });
  });
});

describe("--advertise", () => {
  test("is the host of every URL", () => {
    expect(decideReach(aFact({ advertise: "desk.lan" })).host).toBe("desk.lan");
    expect(decideReach(aFact({ ...far, token: "t", advertise: "gpu1.lan" })).host).toBe("gpu1.lan");
    expect(decideReach(aFact({ ...far, token: "t", advertise: "fd00::7" }))).toMatchObject({
      host: "[fd00::7]",
      exposure: { listen: "::" },
    });
  });

  test("of more than loopback opens the workers, if there is a token", () => {
    expect(decideReach(aFact({ advertise: "desk.lan", token: "t" })).exposure).toEqual({
      listen: "0.0.0.0",
      token: "t",
    });
    expect(decideReach(aFact({ advertise: "desk.lan" }))).toMatchObject({
      lacksToken: true,
      exposure: { listen: "127.0.0.1" },
    });
    expect(decideReach(aFact({ advertise: "localhost", token: "t" })).exposure).toEqual({ listen: "127.0.0.1" });
  });
});

describe("the decision", () => {
  const facts = { ...far, advertise: undefined, token: "t", apiDemandsToken: false };

  test("needs no connection when every queen is on loopback", async () => {
    const keeper = new ReachKeeper(new FakeClock(), { ...facts, queens: ["http://localhost:7833"] }, { waitMs: 3_000 });
    expect((await keeper.decide()).host).toBe("127.0.0.1");
  });

  test("waits for the first connection to a queen elsewhere", async () => {
    const keeper = new ReachKeeper(new FakeClock(), facts, { waitMs: 3_000 });
    const decided = keeper.decide();
    keeper.sawRoute("http://queen.lan:7833", { local_address: "::ffff:10.9.9.9", remote_address: "::ffff:10.9.9.1" });
    expect(await decided).toMatchObject({ host: "10.9.9.9", exposure: { listen: "0.0.0.0" } });
  });

  test("waits no longer than it may; the URL follows when a connection stands", async () => {
    const clock = new FakeClock();
    const keeper = new ReachKeeper(clock, facts, { waitMs: 3_000 });
    const decided = keeper.decide();
    clock.advance(3_000);
    expect(await decided).toMatchObject({ host: undefined, exposure: { listen: "0.0.0.0", token: "t" } });
    keeper.sawRoute("http://queen.lan:7833", { local_address: "10.9.9.9", remote_address: "10.9.9.1" });
    expect(keeper.current().host).toBe("10.9.9.9");
  });

  test("follows a machine that moves to another network", async () => {
    const keeper = new ReachKeeper(new FakeClock(), facts, { waitMs: 3_000 });
    keeper.sawRoute("http://queen.lan:7833", elsewhere);
    await keeper.decide();
    keeper.sawRoute("http://queen.lan:7833", { local_address: "10.1.1.1", remote_address: "10.1.1.2" });
    expect(keeper.current()).toMatchObject({ host: "10.1.1.1", exposure: { listen: "0.0.0.0" } });
  });
});

test("IPv4 in IPv6's clothes is IPv4", () => {
  expect(plainAddress("::ffff:10.0.0.1")).toBe("10.0.0.1");
  expect(plainAddress("fe80::1")).toBe("fe80::1");
});
