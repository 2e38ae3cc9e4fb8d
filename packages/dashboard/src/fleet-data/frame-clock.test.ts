import { expect, test } from "vitest";
import { DRAW_EVERY_MS, FrameClock, type Frames } from "./frame-clock.ts";

/** A browser whose time stands until it is told. */
class FakeFrames implements Frames {
  ms = 0;
  #frame: (() => void) | undefined;
  #timer: { readonly dueMs: number; readonly callback: () => void } | undefined;

  onFrame(callback: () => void): () => void {
    this.#frame = callback;
    return () => {
      this.#frame = undefined;
    };
  }

  nowMs(): number {
    return this.ms;
  }

  after(ms: number, callback: () => void): () => void {
    this.#timer = { dueMs: this.ms + ms, callback };
    return () => {
      this.#timer = undefined;
    };
  }

  /** Lets time pass in steps of a 60 Hz screen. */
  pass(ms: number): void {
    for (const endMs = this.ms + ms; this.ms < endMs; ) {
      this.ms += 1000 / 60;
      const timer = this.#timer;
      if (timer !== undefined && timer.dueMs <= this.ms) {
        this.#timer = undefined;
        timer.callback();
      }
      const frame = this.#frame;
      this.#frame = undefined;
      frame?.();
    }
  }
}

function aClock(): { frames: FakeFrames; clock: FrameClock; drawn: () => number } {
  const frames = new FakeFrames();
  let drawn = 0;
  const clock = new FrameClock({
    frames,
    draw: () => {
      drawn++;
    },
  });
  return { frames, clock, drawn: () => drawn };
}

test("a thousand changes at once are one picture, in the next frame", () => {
  const { frames, clock, drawn } = aClock();
  for (let i = 0; i < 1000; i++) clock.changed();
  expect(drawn()).toBe(0);
  frames.pass(20);
  expect(drawn()).toBe(1);
});

test("changes without end are no more pictures than anybody can read", () => {
  const { frames, clock, drawn } = aClock();
  while (frames.ms < 10_000) {
    clock.changed();
    frames.pass(20);
  }
  expect(drawn()).toBeGreaterThan(50);
  expect(drawn()).toBeLessThanOrEqual(frames.ms / DRAW_EVERY_MS + 1);
});

test("nothing is drawn while nothing changes, and nothing after the end", () => {
  const { frames, clock, drawn } = aClock();
  frames.pass(1_000);
  expect(drawn()).toBe(0);
  clock.changed();
  clock.stop();
  frames.pass(1_000);
  expect(drawn()).toBe(0);
});
