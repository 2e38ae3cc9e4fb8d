/** A line longer than this is cut: a program that prints without line ends must not fill the memory. */
export const LINE_LENGTH_MAX = 16_384;

/** Puts the lines of a stream together from the pieces it comes in. */
export class Lines {
  #rest = "";

  /** The lines that this piece completes, without their ends. */
  push(text: string): string[] {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = (lines.pop() ?? "").slice(0, LINE_LENGTH_MAX);
    return lines.map((line) => line.slice(0, LINE_LENGTH_MAX));
  }

  /** What stands after the last line end. */
  flush(): string[] {
    const rest = this.#rest;
    this.#rest = "";
    return rest === "" ? [] : [rest];
  }
}
