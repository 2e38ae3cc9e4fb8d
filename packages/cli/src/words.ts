import { type Command, InvalidArgumentError } from "commander";

/** Where the queen is and how to be let in: on every command that talks to one, before or behind its name. */
export interface QueenFlags {
  readonly queen?: string;
  readonly tokenFile?: string;
}

export function listing(parent: Command, name: string, description: string): Command {
  return withQueen(parent.command(name)).description(description).option("--json", "for programs");
}

export function withQueen(command: Command): Command {
  return command
    .option("--queen <url>", "the queen (HIVE_QUEEN_URL, http://127.0.0.1:7833)")
    .option("--token-file <file>", "the fleet's token (HIVE_TOKEN)");
}

/** The same flag may stand before the command's name; behind it, it counts more. */
export function merged<Flags extends object>(hive: Command, flags: Flags): Flags & QueenFlags {
  return { ...hive.opts<QueenFlags>(), ...flags };
}

export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}

export function port(text: string): number {
  const number = wholeNumber(text);
  if (number <= 65_535) return number;
  throw new InvalidArgumentError("It must be a port, 0 to 65535.");
}

export function decimal(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a number such as 0.7.");
}

export const seconds = (text: string): number => Math.min(wholeNumber(text), 86_400);

export const collect = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

export function collectLabels(value: string, before: readonly string[] | undefined): string[] {
  if (!/^[^=]+=/.test(value)) throw new InvalidArgumentError("It must be KEY=VALUE, such as zone=eu.");
  return collect(value, before);
}
