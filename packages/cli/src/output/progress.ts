import type { Paint } from "./paint.ts";
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

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;

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
  let frame = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const clear = () => draw?.("\r\u001B[K");
  const stop = () => {
    if (timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
    clear();
  };
  const spin = () => {
    frame = (frame + 1) % FRAMES.length;
    draw?.(`\r\u001B[K${paint.dim(`${FRAMES[frame]} ${text} ${elapsed(nowMs() - startedMs)}`)}`);
  };
  const stay = (mark: string, line: string) => {
    if (timer !== undefined) clear();
    print(`${mark} ${line} ${paint.dim(`(${elapsed(nowMs() - startedMs)})`)}`);
  };
  return {
    waiting(what) {
      text = what;
      if (draw === undefined || timer !== undefined) return;
      timer = setInterval(spin, FRAME_MS);
      timer.unref();
    },
    done(line) {
      stop();
      stay(paint.green("✓"), line);
    },
    failed(line) {
      stop();
      stay(paint.red("✗"), line);
    },
    remark: (line) => stay(paint.yellow("…"), line),
    end: stop,
  };
}
