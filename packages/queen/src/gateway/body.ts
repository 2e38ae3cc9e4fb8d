import type { IncomingMessage } from "node:http";
import { Refusal } from "./failures.ts";
import type { GatewayLimits } from "./limits.ts";
import type { GatewayStats } from "./stats.ts";

/**
 * Reads a request's body whole. Calls neither when the client leaves before its end. Of a body that is too large the rest is read
 * and forgotten, so that the client gets to its answer; after as much again the connection is closed.
 */
export function readBody(
  request: IncomingMessage,
  deps: { readonly stats: GatewayStats; readonly limits: Pick<GatewayLimits, "bodyBytesMax" | "bodiesBytesMax"> },
  taken: (body: Buffer) => void,
  refused: (refusal: Refusal) => void,
): void {
  const { stats, limits } = deps;
  const { "content-length": announced, "content-encoding": encoding } = request.headers;
  if (encoding !== undefined && encoding !== "identity") {
    refused(new Refusal("UNSUPPORTED_MEDIA_TYPE", "Send the body as it is, without content-encoding"));
    return;
  }
  let chunks: Buffer[] | undefined = [];
  let length = 0;
  let held = 0;
  const letGo = (): void => {
    stats.body_bytes -= held;
    held = 0;
    chunks = undefined;
  };
  const refuse = (refusal: Refusal): void => {
    letGo();
    refused(refusal);
  };
  const fault = (bytes: number): Refusal | undefined => {
    const { bodyBytesMax, bodiesBytesMax } = limits;
    if (bytes > bodyBytesMax) return new Refusal("BODY_TOO_LARGE", `A body may have ${bodyBytesMax} bytes at most`);
    if (stats.body_bytes - held + bytes <= bodiesBytesMax) return undefined;
    return new Refusal(
      "TOO_MANY_REQUESTS",
      "The bodies of the requests under way fill all the memory there is for them",
    );
  };
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (chunks === undefined) {
      if (length > 2 * limits.bodyBytesMax) request.destroy();
      return;
    }
    const refusal = fault(length);
    if (refusal !== undefined) {
      refuse(refusal);
      return;
    }
    chunks.push(chunk);
    stats.body_bytes += chunk.length;
    held += chunk.length;
  });
  request.on("end", () => {
    const whole = chunks;
    if (whole === undefined) return;
    letGo();
    taken(whole.length === 1 ? (whole[0] as Buffer) : Buffer.concat(whole, length));
  });
  request.on("close", letGo);
  const early = fault(Number(announced ?? 0));
  if (early !== undefined) refuse(early);
}
