/** A socket of this machine that takes connections. */
export interface Listener {
  /** As the system writes it: `127.0.0.1`, `0.0.0.0`, `::1`, `::` … */
  readonly address: string;
  readonly port: number;
  /** Absent: another user's process, which the system does not name. */
  readonly pid?: number;
  /** Whose it is, where the system tells. */
  readonly uid?: number;
}

/** Lists the listeners of this machine. */
export interface ListenerSource {
  /** How long the next look should be away at least, ms: for sources that cost more than reading a file. */
  readonly everyMs: number;
  /** Only ports that `wants` takes; others cost nothing. `undefined`: it cannot be told now. */
  list(wants: (port: number) => boolean): Promise<readonly Listener[] | undefined>;
  /** Something ended: what was listed is to be looked up anew. */
  doubt(): void;
}

/** Listeners of one process on one port: a server that listens on IPv4 and IPv6 is one server. */
export interface Site {
  /** Names it as long as its process lives and listens. */
  readonly id: string;
  readonly port: number;
  /** Widest first. */
  readonly addresses: readonly string[];
  readonly pid?: number;
  readonly uid?: number;
}

/** Puts listeners together that belong to one server. In the order of the list. */
export function sitesOf(listeners: readonly Listener[]): Site[] {
  const sites = new Map<string, Site>();
  for (const { address, port, pid, uid } of listeners) {
    const id = `${port}/${pid ?? `user ${uid ?? "unknown"}`}`;
    const addresses = [...new Set([...(sites.get(id)?.addresses ?? []), address])].sort((a, b) => width(b) - width(a));
    sites.set(id, { id, port, addresses, ...(pid !== undefined && { pid }), ...(uid !== undefined && { uid }) });
  }
  return [...sites.values()];
}

const ANY = new Set(["0.0.0.0", "::", "*"]);
const isV6 = (address: string): boolean => address.includes(":");

/** Whether it takes connections on every address of the machine. */
export const isAny = (address: string): boolean => ANY.has(address);

const LOOPBACK = /^(?:127\.|::1$)/;

/** Whether only this machine reaches it. */
export const isLoopbackAddress = (address: string): boolean => LOOPBACK.test(address);

function width(address: string): number {
  const reach = isAny(address) ? 4 : isLoopbackAddress(address) ? 0 : 2;
  return reach + (isV6(address) ? 0 : 1);
}

/** Where this machine itself reaches it. */
export function localUrlOf({ addresses, port }: Site): string {
  const [address = "127.0.0.1"] = addresses;
  if (isAny(address)) return `http://127.0.0.1:${port}`;
  return `http://${isV6(address) ? `[${address}]` : address}:${port}`;
}
