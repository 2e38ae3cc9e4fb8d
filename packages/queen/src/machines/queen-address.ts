import type { NetworkInterfaceInfo } from "node:os";

const EVERYWHERE = new Set(["0.0.0.0", "::"]);

type Interfaces = Readonly<Partial<Record<string, readonly NetworkInterfaceInfo[]>>>;

/**
 * The queen's address as other machines may reach it: where it listens; when that is everywhere, its first address that is not
 * loopback, IPv4 before IPv6. Addresses that hold on one link alone are passed over.
 */
export function queenAddress(listen: string, port: number, interfaces: Interfaces): string {
  return `http://${bracketed(EVERYWHERE.has(listen) ? firstOutside(interfaces) : listen)}:${port}`;
}

function firstOutside(interfaces: Interfaces): string {
  const outside = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:fe80:|169\.254\.)/i.test(address));
  return (outside.find(({ family }) => family === "IPv4") ?? outside[0])?.address ?? "127.0.0.1";
}

const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host);
