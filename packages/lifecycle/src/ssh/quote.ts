/**
 * One word for a POSIX shell, whatever it holds: nothing in it is read as anything but itself. The only way by which a value comes into
 * a script.
 *
 * @throws {TypeError} for a NUL, which no shell can hold.
 */
export function quote(value: string): string {
  if (value.includes("\0")) throw new TypeError("An argument cannot hold a NUL");
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** A script with its arguments, `$1` and on, as one group: a shell that was sent only a part of it refuses it whole. */
export function scriptWith(script: string, args: readonly string[]): string {
  return `{\nset -- ${args.map(quote).join(" ")}\n${script}\n}`;
}
