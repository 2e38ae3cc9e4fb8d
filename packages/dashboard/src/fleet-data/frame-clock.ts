/** What a frame clock needs of a browser. */
export interface Frames {
  /** Calls back before the next picture is drawn; not while the page is hidden. Returns what takes it back. */
  onFrame(callback: () => void): () => void;
  nowMs(): number;
  after(ms: number, callback: () => void): () => void;
}

/** Pictures a second at most: numbers that change faster cannot be read. */
export const DRAW_EVERY_MS = 100;

/**
 * Turns changes at any rate into pictures: `draw` is called in an animation frame, at most once in {@link DRAW_EVERY_MS}, and
 * only when something changed since.
 */
export class FrameClock {
  readonly #frames: Frames;
  readonly #draw: () => void;
  #takeBack: (() => void) | undefined = undefined;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(deps: { readonly frames: Frames; readonly draw: () => void }) {
    this.#frames = deps.frames;
    this.#draw = deps.draw;
  }

  /** Something changed. */
  changed(): void {
    if (this.#takeBack !== undefined) return;
    const waitMs = this.#drawnMs + DRAW_EVERY_MS - this.#frames.nowMs();
    this.#takeBack =
      waitMs > 0 ? this.#frames.after(waitMs, () => this.#nextFrame()) : this.#frames.onFrame(() => this.#drawNow());
  }

  stop(): void {
    this.#takeBack?.();
    this.#takeBack = undefined;
  }

  #nextFrame(): void {
    this.#takeBack = this.#frames.onFrame(() => this.#drawNow());
  }

  #drawNow(): void {
    this.#takeBack = undefined;
    this.#drawnMs = this.#frames.nowMs();
    this.#draw();
  }
}

export const browserFrames: Frames = {
  onFrame(callback) {
    const id = requestAnimationFrame(callback);
    return () => cancelAnimationFrame(id);
  },
  nowMs: () => performance.now(),
  after(ms, callback) {
    const id = setTimeout(callback, ms);
    return () => clearTimeout(id);
  },
};
