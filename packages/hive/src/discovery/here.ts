/** What of all the addresses there are is this machine. */
import { hostname } from "node:os";
import { isLoopback } from "@hive-registry/command";
import { ownAddresses } from "../heartbeat/reach.ts";
import { isAny, type ListenerSource } from "./listener.ts";
import { LsofListeners } from "./lsof.ts";
import { ProcListeners } from "./proc-listeners.ts";

/** Whether a URL's host is this machine. */
export const isThisMachine = (host: string): boolean => isOneOf(host, ownAddresses);

function isOneOf(host: string, addresses: () => ReadonlySet<string>): boolean {
  const plain = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return isLoopback(plain) || isAny(plain) || plain === hostname().toLowerCase() || addresses().has(plain);
}

/** The port that a URL of HTTP means. */
export function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** Ports of this machine among those of the URLs. */
export function portsHere(urls: readonly string[]): Set<number> {
  let own: ReadonlySet<string> | undefined;
  const addresses = (): ReadonlySet<string> => {
    own ??= ownAddresses();
    return own;
  };
  return new Set(urls.filter((url) => isOneOf(new URL(url).hostname, addresses)).map(portOf));
}

/** Who lists the listeners of this machine; `undefined` where nobody is known to. */
export function listenersHere(platform: NodeJS.Platform = process.platform): ListenerSource | undefined {
  if (platform === "linux") return new ProcListeners();
  return platform === "darwin" ? new LsofListeners() : undefined;
}
