import type { NetworkInterfaceInfo } from "node:os";
import { isLoopback } from "@hive-registry/command/token";
import { CommandError, EXIT } from "../failure.ts";

const EVERYWHERE = new Set(["0.0.0.0", "::", "[::]"]);

/**
 * By which address others should reach this machine's workers, when the queen listens there: that address; of all of them
 * the machine's first that is not loopback. Undefined where nobody else is meant to reach anything.
 */
export function advertisedWith(
  listen: string | undefined,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): string | undefined {
  if (listen === undefined || isLoopback(listen)) return undefined;
  if (!EVERYWHERE.has(listen)) return listen;
  const addresses = Object.values(interfaces).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

/** As the queen itself refuses it, before anything is started. */
export function refuseOpenWithoutToken(listen: string | undefined, token: string | undefined): void {
  if (listen === undefined || isLoopback(listen) || token !== undefined) return;
  throw new CommandError(
    `--listen ${listen} needs a token, so that not everybody there can steer the fleet: set HIVE_TOKEN or --token-file.`,
    EXIT.usage,
  );
}
