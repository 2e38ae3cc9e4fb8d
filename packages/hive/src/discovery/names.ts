/** What found servers are called: the same each time they come back. */
import type { ConfiguredServer } from "../config/servers.ts";
import { portOf } from "./here.ts";
import type { Site } from "./listener.ts";

interface Named {
  readonly url: string;
  readonly site?: Site | undefined;
  readonly configured?: ConfiguredServer | undefined;
}

const NAME_HOST_MAX = 64;

/** What a server may be called, the best first. */
export function namesFor({ url, site, configured }: Named, engine: string): string[] {
  const port = portOf(url);
  const address = site?.addresses[0] ?? new URL(url).hostname;
  const host = address.replaceAll(/[^\w.-]+/g, "-").slice(0, NAME_HOST_MAX);
  return [
    ...(configured?.name === undefined ? [] : [configured.name]),
    ...(site === undefined ? [] : [`${engine}-${port}`]),
    `${engine}-${host}-${port}`,
  ];
}

/** The first that nobody has; else the last with a number. */
export function freeName(names: readonly string[], taken: ReadonlySet<string>): string {
  const free = names.find((name) => !taken.has(name));
  if (free !== undefined) return free;
  let number = 2;
  while (taken.has(`${names.at(-1)}-${number}`)) number++;
  return `${names.at(-1)}-${number}`;
}
