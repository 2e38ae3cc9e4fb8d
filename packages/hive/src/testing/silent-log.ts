import type { Log } from "@hive-registry/command";

export interface Said {
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

/** A log that a story can read. */
export function aLog(): { readonly log: Log; readonly said: Said[]; messages(level?: string): string[] } {
  const said: Said[] = [];
  const at =
    (level: string) =>
    (first: unknown, message?: string): void => {
      said.push({ level, message: message ?? String(first), fields: message === undefined ? {} : first });
    };
  const log = Object.fromEntries(
    ["debug", "info", "warn", "error", "fatal"].map((level) => [level, at(level)]),
  ) as unknown as Log;
  return {
    log,
    said,
    messages: (level) => said.filter((one) => level === undefined || one.level === level).map(({ message }) => message),
  };
}
