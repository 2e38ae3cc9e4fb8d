import { execFileSync, spawnSync } from "node:child_process";
import { onTestFinished } from "vitest";
import { lives } from "./processes.ts";

/** Networks that test runs have made carry its pid, so that what one that was killed has left is known. */
const NAMESPACE = /^hive-(\d+)-\d+$/;
const BRIDGE = /\bhb(\d+)-\d+\b/g;
/** For trying networks out (RFC 2544): nobody's addresses. */
const SUBNETS = Array.from({ length: 256 }, (_, at) => `198.18.${at}`);
const MACHINES_MAX = 250;

/** A machine's place in a {@link Network}. */
export interface NetworkPlace {
  readonly address: string;
  /** What a command is started with to run there. */
  readonly wrapper: readonly string[];
  /** Pulls its cable. */
  unplug(): void;
  plug(): void;
}

/** Machines on one wire, this one among them. */
export interface Network {
  /** This machine's. */
  readonly address: string;
  place(): NetworkPlace;
}

export const HOW_TO_HAVE_NETWORKS: string =
  "Machines in networks of their own were not tried: that takes root on Linux, with `ip` (apt-get install iproute2), where network " +
  "namespaces may be made. Try it with: sudo npx vitest run test/machines/network.test.ts";

/** Why this machine gives no network to a test; undefined where it does. */
export function networksFault(): string | undefined {
  try {
    makeNetwork().end();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A network of its own, which goes with the test. */
export function aNetwork(): Network {
  const network = makeNetwork();
  onTestFinished(() => network.end());
  return network;
}

let made = 0;

function makeNetwork(): Network & { end(): void } {
  sweep();
  const subnet = freeSubnet();
  const bridge = `hb${process.pid}-${made++}`;
  const ends: (() => void)[] = [];
  const end = (): void => {
    for (const one of ends.splice(0).toReversed()) one();
  };
  try {
    ip("link", "add", bridge, "type", "bridge");
    ends.push(() => ipIfCan("link", "del", bridge));
    ip("address", "add", `${subnet}.1/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    // A bridge alone does not show whether there may be namespaces.
    placeIn(bridge, subnet, 254, ends);
  } catch (error) {
    end();
    throw error;
  }
  let places = 1;
  return {
    address: `${subnet}.1`,
    place: () => {
      if (places > MACHINES_MAX) throw new Error(`at most ${MACHINES_MAX} machines`);
      return placeIn(bridge, subnet, ++places, ends);
    },
    end,
  };
}

function placeIn(bridge: string, subnet: string, at: number, ends: (() => void)[]): NetworkPlace {
  const number = made++;
  const [namespace, here, there] = [`hive-${process.pid}-${number}`, `hv${process.pid}-${number}`, "eth0"];
  const address = `${subnet}.${at}`;
  ip("netns", "add", namespace);
  ends.push(() => ipIfCan("netns", "del", namespace));
  ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", namespace);
  // While a program runs there its namespace stays, and with it this wire.
  ends.push(() => ipIfCan("link", "del", here));
  ip("link", "set", here, "master", bridge, "up");
  ip("-n", namespace, "link", "set", "lo", "up");
  ip("-n", namespace, "address", "add", `${address}/24`, "dev", there);
  ip("-n", namespace, "link", "set", there, "up");
  return {
    address,
    wrapper: ["ip", "netns", "exec", namespace],
    unplug: () => ip("link", "set", here, "down"),
    plug: () => ip("link", "set", here, "up"),
  };
}

/** Removes what runs that were killed have left. */
function sweep(): void {
  const isLeft = (pid: string | undefined): boolean => pid !== undefined && !lives(Number(pid));
  for (const line of ip("netns", "list").split("\n")) {
    const [name = ""] = line.split(" ");
    if (isLeft(NAMESPACE.exec(name)?.[1])) ipIfCan("netns", "del", name);
  }
  for (const [name, pid] of ip("-brief", "link", "show", "type", "bridge").matchAll(BRIDGE)) {
    if (isLeft(pid)) ipIfCan("link", "del", name);
  }
}

function freeSubnet(): string {
  const taken = ip("-4", "-brief", "address");
  const free = SUBNETS.filter((one) => !taken.includes(` ${one}.`));
  const subnet = free[process.pid % free.length];
  if (subnet === undefined) throw new Error("no subnet is free");
  return subnet;
}

const ip = (...words: readonly string[]): string =>
  execFileSync("ip", words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

const ipIfCan = (...words: readonly string[]): void => void spawnSync("ip", words, { stdio: "ignore" });
