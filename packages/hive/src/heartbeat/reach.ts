/** From where this machine's workers can be reached, and so where they listen. */
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { isLoopback } from "@hive-registry/command";
import { type Clock, within } from "../clock.ts";
import type { Exposure } from "../workers/supervisor.ts";

/** The two ends of a connection to a queen. */
export interface Route {
  readonly local_address: string;
  readonly remote_address: string;
}

export interface Reach {
  /** Host of the URLs that are advertised; undefined: none are, because nobody could use them (or it is not known yet). */
  readonly host: string | undefined;
  /** The queen is on another machine: what listens on loopback here is out of its reach. */
  readonly beyondLoopback: boolean;
  /** Workers should be reached from elsewhere, but there is no token that they could demand. */
  readonly lacksToken: boolean;
  readonly exposure: Exposure;
}

export interface ReachFacts {
  readonly queens: readonly string[];
  readonly advertise: string | undefined;
  readonly token: string | undefined;
  /** The hive's own API demands the token, so its workers need it too, wherever they listen. */
  readonly apiDemandsToken: boolean;
  /** Of a connection to a queen whose URL is not a loopback one; undefined: none stands yet. */
  readonly route: Route | undefined;
  readonly ownAddresses: () => ReadonlySet<string>;
}

/**
 * Workers stay on loopback as long as the queen is on this machine and nobody asked for more with `--advertise`. Beyond it
 * they demand the fleet's token; without one they stay on loopback, and no URL is given out that nobody could use.
 */
export function decideReach(facts: ReachFacts): Reach {
  const { advertise, token, route, ownAddresses } = facts;
  const isHere = (address: string): boolean => isLoopback(address) || ownAddresses().has(address);
  const beyondLoopback = facts.queens.some(isElsewhere) && (route === undefined || !isHere(route.remote_address));
  const key = token === undefined ? {} : { token };
  const asked = advertise !== undefined && !isLoopback(advertise);
  if (token !== undefined && (beyondLoopback || asked)) {
    const host = advertise ?? route?.local_address;
    const listen = host !== undefined && isIP(host) === 6 ? "::" : "0.0.0.0";
    return { host: host && inUrl(host), beyondLoopback, lacksToken: false, exposure: { listen, ...key } };
  }
  const host = beyondLoopback ? undefined : inUrl(advertise ?? "127.0.0.1");
  const exposure: Exposure = { listen: "127.0.0.1", ...(facts.apiDemandsToken ? key : {}) };
  return { host, beyondLoopback, lacksToken: beyondLoopback || asked, exposure };
}

/** Whether a queen's URL names more than this machine's loopback. */
export const isElsewhere = (queenUrl: string): boolean => !isLoopback(new URL(queenUrl).hostname);

/** IPv4 in IPv6's clothes is IPv4. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

const inUrl = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);

export const ownAddresses = (): Set<string> =>
  new Set(
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .map(({ address }) => address),
  );

/** Follows the connections to the queens. Where workers listen is decided once; the advertised host follows the route. */
export class ReachKeeper {
  readonly #facts: Omit<ReachFacts, "route" | "ownAddresses">;
  readonly #clock: Clock;
  readonly #waitMs: number;
  #route: Route | undefined;
  #exposure: Exposure | undefined;
  #routeSeen: () => void = () => {};

  constructor(clock: Clock, facts: Omit<ReachFacts, "route" | "ownAddresses">, options: { readonly waitMs: number }) {
    this.#clock = clock;
    this.#facts = facts;
    this.#waitMs = options.waitMs;
  }

  /** A connection to a queen stands. */
  sawRoute(queenUrl: string, route: Route): void {
    if (!isElsewhere(queenUrl)) return;
    this.#route = {
      local_address: plainAddress(route.local_address),
      remote_address: plainAddress(route.remote_address),
    };
    this.#routeSeen();
  }

  current(): Reach {
    const reach = decideReach({ ...this.#facts, route: this.#route, ownAddresses });
    const exposure = this.#exposure ?? reach.exposure;
    // Decided for loopback, and now the queen turns out to be elsewhere: such a worker is not reachable.
    const reachable = exposure.listen !== "127.0.0.1" || reach.exposure.listen === "127.0.0.1";
    return { ...reach, exposure, host: reachable ? reach.host : undefined };
  }

  /** Waits for the first connection, for a bounded time, where only that can tell where the queen is. */
  async decide(): Promise<Reach> {
    if (this.#facts.queens.some(isElsewhere) && this.#route === undefined) {
      const seen = new Promise<true>((resolve) => {
        this.#routeSeen = () => resolve(true);
      });
      await within(this.#clock, this.#waitMs, seen);
    }
    this.#exposure ??= this.current().exposure;
    return this.current();
  }
}
