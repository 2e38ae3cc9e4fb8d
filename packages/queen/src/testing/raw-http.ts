import { connect } from "node:net";
import { onTestFinished } from "vitest";

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** A connection that says exactly what it is told to. It ends with the test. */
export interface RawConnection {
  write(bytes: string | Uint8Array): void;
  /** The next answer. Rejects when the connection ends before it is whole. */
  answer(): Promise<RawAnswer>;
  /** Resolves when the server has ended the connection. */
  readonly closed: Promise<void>;
  /** Leaves, without a word. */
  leave(): void;
}

export async function aRawConnection(url: string): Promise<RawConnection> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let text = "";
  let ended = false;
  let wake = () => {};
  socket.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    wake();
  });
  // Why it ended is in what was answered before.
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  void closed.then(() => {
    ended = true;
    wake();
  });
  await new Promise<void>((resolve) => socket.on("connect", resolve));
  return {
    write: (bytes) => void socket.write(bytes),
    async answer() {
      for (;;) {
        const whole = firstAnswer(text);
        if (whole !== undefined) {
          text = text.slice(whole.length);
          return whole.answer;
        }
        if (ended) throw new Error(`the connection ended after ${JSON.stringify(text)}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    closed,
    leave: () => void socket.destroy(),
  };
}

/** Only for answers in ASCII with a `content-length`. */
function firstAnswer(text: string): { readonly answer: RawAnswer; readonly length: number } | undefined {
  const bodyAt = text.indexOf("\r\n\r\n") + 4;
  if (bodyAt < 4) return undefined;
  const [statusLine = "", ...lines] = text.slice(0, bodyAt - 4).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
  );
  const length = bodyAt + Number(headers["content-length"] ?? 0);
  if (text.length < length) return undefined;
  const body: unknown = length === bodyAt ? undefined : JSON.parse(text.slice(bodyAt, length));
  return { answer: { status: Number(statusLine.split(" ")[1]), headers, body }, length };
}
