import { type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { TestQueen } from "../../testing/a-queen.ts";

export interface Frame {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

export interface Watching {
  readonly call: ReturnType<typeof request>;
  readonly response: IncomingMessage;
  readonly frames: readonly Frame[];
  first(count: number): Promise<Frame[]>;
  /** Everything up to the first frame that passes; up to the stream's end when none does. */
  until(passes: (frame: Frame) => boolean): Promise<Frame[]>;
  ended(): Promise<Frame[]>;
}

/** Reads a watch stream as a client does. */
export async function watch(
  queen: TestQueen,
  options: { readonly query?: string; readonly lastEventId?: string } = {},
): Promise<Watching> {
  if (!queen.app.server.listening) await queen.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = queen.app.server.address() as AddressInfo;
  const frames: Frame[] = [];
  const wakers: (() => void)[] = [];
  let text = "";
  const call = request({
    host: "127.0.0.1",
    port,
    path: `/api/v1/watch${options.query ?? ""}`,
    headers: options.lastEventId === undefined ? {} : { "last-event-id": options.lastEventId },
  });
  onTestFinished(() => void call.destroy());
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    call.on("response", resolve).on("error", reject).end();
  });
  call.on("error", () => {});
  let ended = false;
  const wake = () => {
    for (const waker of wakers.splice(0)) waker();
  };
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    text += chunk;
    const parts = text.split("\n\n");
    text = parts.pop() as string;
    for (const part of parts) {
      const line = (name: string) => part.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1];
      const data = line("data");
      if (data !== undefined) frames.push({ event: line("event") as string, id: line("id"), data: JSON.parse(data) });
    }
    wake();
  });
  response.on("close", () => {
    ended = true;
    wake();
  });
  const more = () => new Promise<void>((resolve) => wakers.push(resolve));
  return {
    call,
    response,
    frames,
    async first(count) {
      while (frames.length < count && !ended) await more();
      return frames.slice(0, count);
    },
    async until(passes) {
      let at = frames.findIndex(passes);
      while (at === -1 && !ended) {
        await more();
        at = frames.findIndex(passes);
      }
      return at === -1 ? [...frames] : frames.slice(0, at + 1);
    },
    async ended() {
      while (!ended) await more();
      return [...frames];
    },
  };
}
