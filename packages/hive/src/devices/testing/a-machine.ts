import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { type Files, filesBelow } from "../files.ts";

export interface FakeMachine extends Files {
  /** Writes or replaces one file. */
  write(path: string, text: string): void;
  /** Takes a file or a folder away. */
  remove(path: string): void;
}

/** A machine's /sys and /proc in a folder of its own: real files, by their full names. */
export function aMachine(
  files: Readonly<Record<string, string>>,
  links: Readonly<Record<string, string>> = {},
): FakeMachine {
  const root = mkdtempSync(join(tmpdir(), "hive-machine-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const placeFor = (path: string): string => {
    mkdirSync(dirname(root + path), { recursive: true });
    return root + path;
  };
  const write = (path: string, text: string): void => writeFileSync(placeFor(path), text);
  for (const [path, text] of Object.entries(files)) write(path, text);
  for (const [path, target] of Object.entries(links)) symlinkSync(target, placeFor(path));
  return { ...filesBelow(root), write, remove: (path) => rmSync(root + path, { recursive: true, force: true }) };
}

/** Files below one folder, by the rest of their names. */
export const below = (folder: string, files: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
