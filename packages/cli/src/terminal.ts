import { createInterface } from "node:readline/promises";
import { setTimeout } from "node:timers/promises";
import { CommandError } from "./failure.ts";

/** Everything on a pipe or in a file; undefined when a person sits at stdin. */
export async function piped(stdin: NodeJS.ReadStream, limitBytes: number): Promise<string | undefined> {
  if (stdin.isTTY) return undefined;
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stdin as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > limitBytes) throw new CommandError(`More than ${limitBytes} bytes on stdin: that is no prompt.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** For the arrow keys. */
let asked: string[] = [];

/** One line from a person; undefined at Ctrl-D or Ctrl-C. */
export async function question(
  stdin: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  prompt: string,
): Promise<string | undefined> {
  const lines = createInterface({ input: stdin, output, terminal: true, history: asked });
  lines.on("history", (history: string[]) => {
    asked = history;
  });
  try {
    return await new Promise<string | undefined>((resolve) => {
      lines.on("close", () => resolve(undefined));
      lines.on("SIGINT", () => lines.close());
      lines.question(prompt).then(resolve, () => resolve(undefined));
    });
  } finally {
    lines.close();
  }
}

/** Whether a person says yes; undefined when nobody sits at stdin. Anything but `y` or `yes` is no. */
export async function confirmed(
  stdin: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  asked: string,
): Promise<boolean | undefined> {
  if (!stdin.isTTY) return undefined;
  return /^y(?:es)?$/i.test((await question(stdin, output, `${asked} [y/N] `))?.trim() ?? "");
}

/** A signal that the next Ctrl-C or SIGTERM aborts, until `end`. */
export function interruptible(): { readonly signal: AbortSignal; end(): void } {
  const { first, end } = interrupts();
  return { signal: first, end };
}

/** The first Ctrl-C, SIGTERM or hang-up asks for an end, the second forces it. */
export function interrupts(): { readonly first: AbortSignal; readonly second: AbortSignal; end(): void } {
  const [first, second] = [new AbortController(), new AbortController()];
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const onSignal = () => (first.signal.aborted ? second : first).abort();
  for (const signal of signals) process.on(signal, onSignal);
  return {
    first: first.signal,
    second: second.signal,
    end: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

/** Resolves after so many ms, or as soon as `signal` aborts. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, signal && { signal }).catch(() => undefined);
