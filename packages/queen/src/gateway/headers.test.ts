import { expect, test } from "vitest";
import { headersForClient, headersForWorker } from "./headers.ts";

test("a worker gets no header that is between two hops only, also none that the connection names", () => {
  const raw = [
    "Connection",
    "Keep-Alive, X-Private",
    "X-Private",
    "1",
    "Keep-Alive",
    "timeout=5",
    "X-Own",
    "a",
    "x-own",
    "b",
  ];
  const headers = headersForWorker(raw, { connection: "Keep-Alive, X-Private" }, { reservationId: "r" });
  expect(headers).toEqual([
    ...["content-type", "application/json", "x-hive-reservation", "r", "x-own", "a", "x-own", "b"],
  ]);
});

test("a client gets each value of a header that stands there several times, and streams that no proxy collects", () => {
  const headers = { "x-own": ["a", "b"], "content-type": "text/event-stream", "transfer-encoding": "chunked" };
  expect(headersForClient(headers, ["x-ours", "1"])).toEqual([
    ...["x-ours", "1", "x-own", "a", "x-own", "b", "content-type", "text/event-stream", "x-accel-buffering", "no"],
  ]);
});

test("what only the queen may say to a client, a worker does not say: cookies, ids, and where a proxy shall go", () => {
  const headers = {
    "set-cookie": ["a=1"],
    "x-request-id": "theirs",
    "x-accel-redirect": "/secret",
    "x-hive-worker": "me",
  };
  expect(headersForClient({ ...headers, etag: "e" }, ["x-request-id", "ours"])).toEqual([
    ...["x-request-id", "ours", "etag", "e"],
  ]);
});

test("made-up names take no memory without end, and go on like others", () => {
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < 3_000; at++) {
      const headers = headersForWorker([`X-Made-Up-${at}`, "v", `X-Hive-${at}`, "v"], {}, { reservationId: "r" });
      expect(headers.slice(4)).toEqual([`x-made-up-${at}`, "v"]);
    }
  }
});
