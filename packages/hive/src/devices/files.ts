import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { ID_LENGTH_MAX, PRINTABLE } from "@hive-registry/contract/names";

/** The text of a file, or undefined when it cannot be read. */
export type ReadText = (path: string) => string | undefined;

/** The system's small files. What cannot be read is undefined or empty: which of them there are depends on kernel and driver. */
export interface Files {
  /** For what the kernel answers from its own memory. */
  readonly text: ReadText;
  /** For what asks a device, which may take long or hang: only this one read waits for it. */
  ask(path: string): Promise<string | undefined>;
  /** What is in a folder, in the order of the numbers in the names. */
  names(folder: string): readonly string[];
  /** Where a symbolic link points. */
  link(path: string): string | undefined;
}

/** The files below `root` as if it were `/`: a test gives a folder of its own. */
export function filesBelow(root = ""): Files {
  const orUndefined = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch {
      return undefined;
    }
  };
  return {
    text: (path) => orUndefined(() => readFileSync(root + path, "utf8")),
    ask: (path) => readFile(root + path, "utf8").catch(() => undefined),
    names: (folder) => orUndefined(() => readdirSync(root + folder).sort(byNumber)) ?? [],
    link: (path) => orUndefined(() => readlinkSync(root + path)),
  };
}

const { compare: byNumber } = new Intl.Collator("en", { numeric: true });

export const systemFiles: Files = filesBelow();

/** A system that tells nothing. */
export const noFiles: Files = {
  text: () => undefined,
  ask: async () => undefined,
  names: () => [],
  link: () => undefined,
};

const READABLE = new RegExp(PRINTABLE, "u");

/** A name or a version that may be told to others; what they would refuse is none. */
export const wordIn = (text: string | undefined): string | undefined =>
  text !== undefined && text.length <= ID_LENGTH_MAX && READABLE.test(text) ? text : undefined;

/** A whole number from 0, as sysfs writes it. One with more digits is none that a device could mean. */
export function numberIn(text: string | undefined): number | undefined {
  const digits = text?.trim();
  return digits !== undefined && /^\d{1,14}$/.test(digits) ? Number(digits) : undefined;
}

/** The lines `KEY=value` of a `uevent` file, or those of `key value`. */
export function fieldsIn(text: string | undefined, between: "=" | " "): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of (text ?? "").split("\n")) {
    const at = line.indexOf(between);
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  return fields;
}
