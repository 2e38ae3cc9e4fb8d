import { createServer } from "node:net";
import { HiveError } from "@hive-registry/contract";

/** So many ports are tried, upward from the first. */
export const PORTS_TRIED_MAX = 1_000;
const PORT_MAX = 65_535;

/** Gives workers ports that nobody has, lowest first, and no two workers the same one. */
export class Ports {
  readonly #first: number;
  readonly #taken = new Set<number>();

  /** `first` 0: the system chooses, and every answer is 0. */
  constructor(first: number) {
    this.#first = first;
  }

  /**
   * The next free port at `host`, kept for the caller until it is given back.
   *
   * @throws {HiveError} `NO_CAPACITY` when none is free.
   */
  async take(host: string): Promise<number> {
    if (this.#first === 0) return 0;
    const last = Math.min(PORT_MAX, this.#first + PORTS_TRIED_MAX - 1);
    for (let port = this.#first; port <= last; port++) {
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await isFree(port, host)) return port;
      this.#taken.delete(port);
    }
    throw new HiveError("NO_CAPACITY", `No free port from ${this.#first} to ${last} for a worker`);
  }

  giveBack(port: number): void {
    this.#taken.delete(port);
  }
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
