import { CommandError, EXIT } from "../failure.ts";
import { oneLine } from "../output/text.ts";

/** How a machine is named on the command line, taken apart. */
export interface Target {
  /** An alias of ssh's configuration, a name, or an address without brackets. */
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** Names for the machine that one sits at. */
const HERE: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);

export const isHere = (host: string): boolean => HERE.has(host);

/** `attic`, `ada@attic`, `ada@attic:2222`, `10.0.0.5`, `::1`, `[::1]:2222`, `ssh://ada@attic:2222`. */
export function parseTarget(text: string): Target {
  const rest = text.replace(/^ssh:\/\//i, "").replace(/\/$/, "");
  // A user's name may itself have an @.
  const at = rest.lastIndexOf("@");
  const user = at === -1 ? undefined : rest.slice(0, at);
  const where = rest.slice(at + 1);
  // Two colons without brackets: an IPv6 address, which leaves no room for a port.
  const isBare = (where.match(/:/g) ?? []).length > 1 && /^[^\s[\]]+$/.test(where);
  const named = /^(?:\[([^\s[\]]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(where) ?? [];
  const [, bracketed, plain, digits] = isBare ? [where, where] : named;
  const host = bracketed ?? plain;
  const port = digits === undefined ? undefined : Number(digits);
  if (host === undefined || host.startsWith("-") || user === "" || port === 0 || (port ?? 1) > 65_535) {
    throw new CommandError(
      `${oneLine(JSON.stringify(text))} names no machine. Write it as ssh takes it: HOST, USER@HOST, USER@HOST:PORT, [::1]:2222.`,
      EXIT.usage,
    );
  }
  return { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) };
}

/** What a machine's hive is called where nobody says: its host, made to fit an id. */
export function hiveIdOf(host: string): string {
  const id = host
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63);
  if (id !== "") return id;
  throw new CommandError(`${oneLine(host)} cannot be a hive's name. Give it one with --id NAME.`, EXIT.usage);
}
