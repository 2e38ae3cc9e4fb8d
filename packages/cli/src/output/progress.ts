import type { Paint } from "./paint.ts";
import { spinner } from "./spinner.ts";
import { elapsed } from "./units.ts";

/** Tells what is waited for, and what came of it. */
export interface Progress {
  /** Now this is awaited. Shown only where it can be taken back: on a terminal. */
  waiting(text: string): void;
  /** This is done: a line that stays. */
  done(text: string): void;
  /** This went wrong: a line that stays. */
  failed(text: string): void;
  /** Worth knowing while one waits: a line that stays. */
  remark(text: string): void;
  /** Takes the spinner away. */
  end(): void;
}

export interface ProgressOptions {
  readonly paint: Paint;
  readonly nowMs: () => number;
  /** Lines that stay. */
  readonly print: (line: string) => void;
  /** Raw text to a terminal, for the spinner; undefined when there is none. */
  readonly draw: ((text: string) => void) | undefined;
}

/** Each line that stays ends with the time since the start. */
export function startProgress({ paint, nowMs, print, draw }: ProgressOptions): Progress {
  const startedMs = nowMs();
  let text = "";
  const waited = spinner(draw, (frame) => paint.dim(`${frame} ${text} ${elapsed(nowMs() - startedMs)}`));
  const stay = (mark: string, line: string) => {
    waited.clear();
    print(`${mark} ${line} ${paint.dim(`(${elapsed(nowMs() - startedMs)})`)}`);
  };
  return {
    waiting(what) {
      text = what;
      waited.start();
    },
    done(line) {
      waited.stop();
      stay(paint.green("✓"), line);
    },
    failed(line) {
      waited.stop();
      stay(paint.red("✗"), line);
    },
    remark: (line) => stay(paint.yellow("…"), line),
    end: waited.stop,
  };
}
