import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Post, Posted } from "./connection.ts";
import type { Route } from "./reach.ts";

const REPLY_BYTES_MAX = 262_144;

/** One POST of JSON. Never rejects: what went wrong is in the answer. */
export const postJson: Post = (url, headers, body, limitMs) =>
  new Promise<Posted>((resolve) => {
    const request = (url.startsWith("https:") ? httpsRequest : httpRequest)(url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    });
    const timer = setTimeout(() => request.destroy(new Error("no answer in time")), limitMs);
    const done = (posted: Posted): void => {
      clearTimeout(timer);
      resolve(posted);
    };
    let route: Route | undefined;
    request.on("response", (response) => {
      const { localAddress, remoteAddress } = response.socket;
      if (localAddress && remoteAddress) route = { local_address: localAddress, remote_address: remoteAddress };
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        text += piece;
        if (text.length > REPLY_BYTES_MAX) request.destroy(new Error("the answer is too long"));
      });
      response.on("end", () => done({ status: response.statusCode ?? 0, text, route }));
      response.on("error", (error: Error) => done({ status: undefined, message: error.message }));
    });
    request.on("error", (error: NodeJS.ErrnoException) =>
      done({ status: undefined, message: error.code ?? error.message }),
    );
    request.end(body);
  });
