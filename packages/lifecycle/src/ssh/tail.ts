/** The end of what a program prints: of more than `bytesMax` the beginning is forgotten. */
export class Tail {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Twice the bound may lie here, so that not every chunk is a reason to copy.
    if (this.#bytes > 2 * this.#bytesMax) this.#shorten();
  }

  text(): string {
    this.#shorten();
    return (this.#chunks[0] ?? Buffer.alloc(0)).toString("utf8");
  }

  #shorten(): void {
    const all = Buffer.concat(this.#chunks);
    const kept = all.subarray(Math.max(0, all.length - this.#bytesMax));
    this.#chunks = [kept];
    this.#bytes = kept.length;
  }
}
