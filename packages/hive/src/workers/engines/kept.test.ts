import { expect, test } from "vitest";
import { askFirst, askSeldom, KEPT_FOR_PROBES } from "./kept.ts";
import type { Server } from "./server-engine.ts";
import { aServerInMind } from "./testing/a-server.ts";

/** A server whose version is told with the number of times that it was asked. */
function aCountingServer(status = 200): { server: Server; asked: () => number; away(is: boolean): void } {
  let asked = 0;
  let isAway = false;
  const server: Server = {
    url: "http://server.example",
    async get(path, options) {
      if (isAway) return undefined;
      asked += 1;
      return await aServerInMind({ otherwise: { status, body: `version ${asked}` } }).get(path, options);
    },
  };
  return {
    ...{ server, asked: () => asked },
    away(is) {
      isAway = is;
    },
  };
}

test("what seldom changes is asked once in a number of probes, and then anew", async () => {
  const { server, asked } = aCountingServer();
  const answers: (string | undefined)[] = [];
  for (let probe = 0; probe <= KEPT_FOR_PROBES + 1; probe += 1)
    answers.push((await askSeldom(server, "/version"))?.text);
  expect(answers.slice(0, -1)).toEqual(Array.from({ length: KEPT_FOR_PROBES + 1 }, () => "version 1"));
  expect(answers.at(-1)).toBe("version 2");
  expect(asked()).toBe(2);
});

test("a failure is not kept", async () => {
  const { server, asked } = aCountingServer(500);
  await askSeldom(server, "/version");
  await askSeldom(server, "/version");
  expect(asked()).toBe(2);
});

test("what comes back after a silence may be another server: nothing of the first is kept", async () => {
  const { server, away } = aCountingServer();
  expect((await askSeldom(server, "/version"))?.text).toBe("version 1");
  away(true);
  expect(await askFirst(server, "/health")).toBeUndefined();
  away(false);
  expect((await askSeldom(server, "/version"))?.text).toBe("version 2");
});

test("one server's answers are not another's", async () => {
  const [first, second] = [aCountingServer(), aCountingServer()];
  await askSeldom(first.server, "/version");
  await askSeldom(second.server, "/version");
  expect([first.asked(), second.asked()]).toEqual([1, 1]);
});
