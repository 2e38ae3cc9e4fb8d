/** The link over real sockets, to a small queen on loopback. */
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../clock.ts";
import { eventually } from "../testing/eventually.ts";
import { aLog } from "../testing/silent-log.ts";
import type { Report } from "./changes.ts";
import { postJson } from "./post.ts";
import { QueenLink } from "./queen-link.ts";
import { aReport, aWorker } from "./testing/a-link.ts";
import { aQueen, FakeQueen, isFull } from "./testing/fake-queen.ts";
import { connectWebSocket } from "./websocket.ts";

function aRealLink(queenUrl: string, part: { readonly token?: string } = {}) {
  const { log, messages } = aLog();
  let report: Report = aReport();
  let seq = 0;
  const routes: string[] = [];
  const link = new QueenLink(
    {
      ...{ clock: systemClock, random: Math.random, log, connect: connectWebSocket, post: postJson },
      report: () => report,
      nextSeq: () => ++seq,
      onRoute: ({ local_address, remote_address }) => void routes.push(`${local_address}>${remote_address}`),
    },
    { url: queenUrl, hive_id: "desk", boot_id: "boot-1", token: part.token },
  );
  onTestFinished(() => link.stop());
  link.start();
  const tell = (next: Report): void => {
    report = next;
    link.changed();
  };
  return { link, messages, tell, routes };
}

test("a queen hears everything first, then leases at the pace she asks for", async () => {
  const queen = await aQueen({ next_heartbeat_ms: 200 });
  const { routes } = aRealLink(queen.url);
  await eventually("a full one and three leases", () => queen.beats.length >= 4);
  expect(queen.beats.map(isFull).slice(0, 4)).toEqual([true, false, false, false]);
  expect(queen.faults).toEqual([]);
  expect(queen.connections).toBe(1);
  expect(routes).toEqual(["127.0.0.1>127.0.0.1"]);
});

test("a worker's new state is heard long before the next beat", async () => {
  const queen = await aQueen({ next_heartbeat_ms: 600_000 });
  const { tell } = aRealLink(queen.url);
  await queen.hears("the first beat", () => true);
  tell(aReport({ workers: [aWorker({ state: "Busy" })] }));
  const { beat } = await queen.hears("Busy", (one) => isFull(one) && one.workers[0]?.state === "Busy");
  expect(beat.seq).toBe(2);
});

test("a queen that was restarted is told everything again, with the numbers going on", async () => {
  const queen = await aQueen({ next_heartbeat_ms: 60_000 });
  const port = Number(new URL(queen.url).port);
  const { link } = aRealLink(queen.url);
  await queen.hears("the first beat", () => true);
  await queen.close();
  await eventually("it is noticed", () => !link.connected);

  const next = await new FakeQueen().listen(port);
  onTestFinished(() => next.close());
  const { beat } = await next.hears("a full one", isFull);
  expect(beat).toMatchObject({ boot_id: "boot-1", seq: 2 });
});

test("a cut connection is made again", async () => {
  const queen = await aQueen({ next_heartbeat_ms: 60_000 });
  aRealLink(queen.url);
  await queen.hears("the first beat", () => true);
  queen.cutConnections();
  await eventually("another connection", () => queen.connections === 2 && queen.fulls.length === 2);
});

test.each([404, 426, "hang up"] as const)(
  "a queen that refuses the upgrade (%s) is told by POST",
  async (refuseUpgrade) => {
    const queen = await aQueen({ refuseUpgrade, next_heartbeat_ms: 200 });
    const { routes, tell } = aRealLink(queen.url);
    await eventually("two beats", () => queen.heard.length >= 2);
    expect(queen.heard.every(({ by, beat }) => by === "post" && isFull(beat))).toBe(true);
    expect(routes[0]).toBe("127.0.0.1>127.0.0.1");
    queen.rules = { refuseUpgrade, next_heartbeat_ms: 600_000 };
    tell(aReport({ workers: [] }));
    await queen.hears("an urgent change by POST", (beat) => isFull(beat) && beat.workers.length === 0);
  },
);

test("a token that is refused is explained once, and the right one gets in", async () => {
  const queen = await aQueen({ token: "right" });
  const { messages } = aRealLink(queen.url);
  await eventually("the explanation", () => messages("error").length > 0);
  expect(messages("error")[0]).toContain("wants a token and this hive has none");
  expect(queen.heard).toEqual([]);
  aRealLink(queen.url, { token: "right" });
  await queen.hears("the one with the token", () => true);
});

test("goodbye is heard", async () => {
  const queen = await aQueen();
  const { link } = aRealLink(queen.url);
  await queen.hears("the first beat", () => true);
  await link.stop();
  await queen.hears("goodbye", (beat) => isFull(beat) && beat.goodbye === true);
});

test("a port where nobody speaks HTTP, and one where nobody listens, are tried on without harm", async () => {
  const { link, messages } = aRealLink("http://127.0.0.1:1");
  await eventually("it is logged", () => messages("warn").length > 0);
  expect(messages("warn")[0]).toContain("not reachable (ECONNREFUSED)");
  await link.stop();
});

test("a POST tells the reply, or why there is none", async () => {
  const queen = await aQueen();
  const url = `${queen.url}/api/v1/heartbeat`;
  const body = JSON.stringify({ hive_id: "d", timestamp: "now", workers: [] });
  expect(await postJson(url, {}, body, 5_000)).toMatchObject({
    status: 200,
    text: '{"accepted":true,"next_heartbeat_ms":5000}',
  });
  expect(await postJson(`${queen.url}/nowhere`, {}, body, 5_000)).toMatchObject({ status: 404 });
  expect(await postJson("http://127.0.0.1:1/", {}, body, 5_000)).toEqual({
    status: undefined,
    message: "ECONNREFUSED",
  });
});
