const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;
const CLEAR = "\r\u001B[K";

/** The last line of a terminal, drawn again and again while something goes on. */
export interface Spinner {
  start(): void;
  /** Takes the line away, so that another can be written; it comes back by itself while it runs. */
  clear(): void;
  stop(): void;
}

/** @param draw raw text to a terminal; undefined when there is none, and then nothing is drawn. */
export function spinner(draw: ((text: string) => void) | undefined, line: (frame: string) => string): Spinner {
  let at = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const clear = () => {
    if (timer !== undefined) draw?.(CLEAR);
  };
  const spin = () => {
    at = (at + 1) % FRAMES.length;
    draw?.(`${CLEAR}${line(FRAMES[at] as string)}`);
  };
  return {
    start() {
      if (draw === undefined || timer !== undefined) return;
      timer = setInterval(spin, FRAME_MS);
      timer.unref();
    },
    clear,
    stop() {
      clear();
      clearInterval(timer);
      timer = undefined;
    },
  };
}
