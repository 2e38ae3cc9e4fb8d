import type { Input } from "../../ssh/program.ts";

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
const PREFIX_BYTES_MAX = 155;

export interface TarFile {
  /** ASCII, with slashes. */
  readonly name: string;
  /** As many as the content has. */
  readonly bytes: number;
  readonly content: Input[number];
}

/**
 * An archive of plain files as every tar reads it: ustar, POSIX.1-1988. Of the same files it is the same, whoever makes it and when.
 *
 * @throws {TypeError} for a name that such an archive cannot hold.
 */
export function tarOf(files: readonly TarFile[]): Input {
  return [
    ...files.flatMap(({ name, bytes, content }) => [
      header(name, bytes),
      content,
      "\0".repeat((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES),
    ]),
    "\0".repeat(2 * BLOCK_BYTES),
  ].filter((part) => part !== "");
}

function header(path: string, bytes: number): string {
  const [prefix, name] = split(path);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  const begin = `${padded(name, NAME_BYTES_MAX)}${octal(0o644, 7)}${octal(0, 7)}${octal(0, 7)}${octal(bytes, 11)}${octal(0, 11)}`;
  const end = `0${"\0".repeat(100)}ustar\0${"00"}${"\0".repeat(64)}${octal(0, 7)}${octal(0, 7)}${padded(prefix, PREFIX_BYTES_MAX)}`;
  const sum = Buffer.from(`${begin}${" ".repeat(8)}${end}`, "latin1").reduce((all, byte) => all + byte, 0);
  return padded(`${begin}${octal(sum, 6)} ${end}`, BLOCK_BYTES);
}

/** A long name is cut at a slash. */
function split(path: string): readonly [prefix: string, name: string] {
  if (!/^[\x21-\x7e ]+$/.test(path)) throw new TypeError(`A name of an archive must be ASCII: ${path}`);
  if (path.length <= NAME_BYTES_MAX) return ["", path];
  const at = path.indexOf("/", path.length - NAME_BYTES_MAX - 1);
  if (at === -1 || at > PREFIX_BYTES_MAX) throw new TypeError(`A name is too long for an archive: ${path}`);
  return [path.slice(0, at), path.slice(at + 1)];
}

const padded = (text: string, length: number): string => text.padEnd(length, "\0");
