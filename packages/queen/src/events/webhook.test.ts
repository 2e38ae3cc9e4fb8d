import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { EventLog, type NewEvent } from "./event-log.ts";
import {
  BATCH_MAX,
  GATHER_MS,
  noCounts,
  RETRY_FIRST_MS,
  RETRY_MAX_MS,
  signatureOf,
  startWebhook,
  type WebhookMessage,
} from "./webhook.ts";

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly message: WebhookMessage;
}

/** A receiver on a real socket; it answers with these statuses in turn, then with 204. */
async function aReceiver(...statuses: readonly number[]) {
  const got: Got[] = [];
  let wake = () => {};
  const answers = [...statuses];
  const server = createServer(async (request, response: ServerResponse) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces).toString();
    const status = answers.shift() ?? 204;
    response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {}).end();
    response.on("finish", () => {
      got.push({ headers: request.headers, body, message: JSON.parse(body) });
      wake();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()) && server.closeAllConnections());
  onTestFinished(async () => {
    if (server.listening) await close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=b`,
    got,
    close,
    async first(count: number): Promise<Got[]> {
      while (got.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return got.slice(0, count);
    },
  };
}

const anEvent = (fields: Partial<NewEvent> = {}): NewEvent => ({
  ...{ type: "hive.seen", level: "info", message: "desk is heard", hive_id: "desk" },
  ...fields,
});

const aStory = (
  url: string,
  options: { readonly secret?: string; readonly types?: readonly string[]; max?: number } = {},
) => {
  const clock = new FakeClock();
  const events = new EventLog({ clock }, options.max === undefined ? {} : { max: options.max });
  const told: string[] = [];
  const counts = noCounts();
  let heard = () => {};
  const tell = (_: object, message: string) => {
    told.push(message);
    heard();
  };
  const stop = startWebhook(
    { events, clock, log: { warn: tell, info: tell }, counts, random: () => 1 },
    { url, secret: options.secret, types: options.types ?? [] },
  );
  onTestFinished(stop);
  return {
    ...{ clock, events, told, counts, stop },
    /** Lets a clock that nobody waits for go on until something is so. */
    async until(isSo: () => boolean, stepMs: number) {
      while (!isSo()) {
        clock.advance(stepMs);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async toldOf(message: string) {
      while (!told.includes(message)) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    },
  };
};

test("what happens together is sent together, signed over its time and its bytes", async () => {
  const receiver = await aReceiver();
  const { clock, events } = aStory(receiver.url, { secret: "s3cret" });
  events.add(anEvent());
  events.add(anEvent({ type: "worker.failed", worker_id: "w1" }));
  clock.advance(GATHER_MS);
  const [got] = await receiver.first(1);
  expect(got?.message).toMatchObject({
    run_id: events.runId,
    lost: 0,
    events: [{ id: 1 }, { id: 2, worker_id: "w1" }],
  });
  const timestamp = got?.headers["x-hive-timestamp"];
  expect(timestamp).toBe(String(Math.floor(clock.nowMs() / 1_000)));
  const signature = createHmac("sha256", "s3cret").update(`${timestamp}.${got?.body}`).digest("hex");
  expect(got?.headers["x-hive-signature"]).toBe(`sha256=${signature}`);
  expect(got?.headers["content-type"]).toBe("application/json");
});

test("what becomes of events is counted: those that arrive, are refused, are forgotten, and each try in vain", async () => {
  const receiver = await aReceiver(503, 400);
  const { events, counts, until } = aStory(receiver.url, { max: 3 });
  events.add(anEvent());
  expect(counts).toMatchObject({ waiting: 1, delivered: 0 });
  await until(() => counts.refused === 1, 100);
  expect(counts).toEqual({ delivered: 0, refused: 1, forgotten: 0, failed_tries: 1, waiting: 0 });
  for (let at = 0; at < 5; at++) events.add(anEvent({ hive_id: `hive-${at}` }));
  await until(() => counts.delivered === 3, 100);
  expect(counts).toEqual({ delivered: 3, refused: 1, forgotten: 2, failed_tries: 1, waiting: 0 });
});

test("only the types that are wanted are sent, and without a secret nothing is signed", async () => {
  const receiver = await aReceiver();
  const { clock, events, until } = aStory(receiver.url, { types: ["worker", "hive.evicted"] });
  for (const type of ["hive.seen", "worker.added", "hive.evicted"] as const) events.add(anEvent({ type }));
  clock.advance(GATHER_MS);
  const [got] = await receiver.first(1);
  expect(got?.message.events.map(({ type }) => type)).toEqual(["worker.added", "hive.evicted"]);
  expect(got?.headers).not.toHaveProperty("x-hive-signature");
  for (let at = 0; at < BATCH_MAX + 5; at++) {
    if (at % 10 === 0) clock.advance(1_000);
    events.add(anEvent({ type: "worker.state" }));
  }
  await until(() => receiver.got.reduce((sum, { message }) => sum + message.events.length, 0) === BATCH_MAX + 7, 250);
  expect(Math.max(...receiver.got.map(({ message }) => message.events.length))).toBeLessThanOrEqual(BATCH_MAX);
});

test("a receiver that fails gets the same again, later and later, and nothing twice that it took", async () => {
  const receiver = await aReceiver(500, 429, 503);
  const { clock, events, told, until } = aStory(receiver.url);
  events.add(anEvent());
  clock.advance(GATHER_MS);
  await receiver.first(1);
  const failedAtMs = clock.nowMs();
  await until(() => receiver.got.length === 4, 100);
  // Three pauses, each twice the one before, and as much more as the steps of this test.
  expect(clock.nowMs() - failedAtMs).toBeGreaterThanOrEqual(7 * RETRY_FIRST_MS);
  expect(receiver.got.map(({ message }) => message.events.map(({ id }) => id))).toEqual([[1], [1], [1], [1]]);
  events.add(anEvent());
  await until(() => receiver.got.length === 5, 100);
  expect(receiver.got[4]?.message.events.map(({ id }) => id)).toEqual([2]);
  expect(told).toEqual(["events cannot be sent: trying again", "events are sent again"]);
});

test.each([400, 302])(
  "a receiver that refuses (%i) does not hold up what comes after, and hears how much it missed",
  async (status) => {
    const receiver = await aReceiver(status);
    const { clock, events, toldOf, until } = aStory(receiver.url);
    events.add(anEvent());
    clock.advance(GATHER_MS);
    await toldOf("events are refused");
    events.add(anEvent());
    await until(() => receiver.got.length === 2, GATHER_MS);
    expect(receiver.got[1]?.message).toMatchObject({ lost: 1, events: [{ id: 2 }] });
  },
);

test("a receiver that is not there costs nothing but what the log forgets, and hears of that when it is back", async () => {
  const gone = await aReceiver();
  await gone.close();
  const { clock, events, toldOf, stop } = aStory(gone.url, { max: 10 });
  events.add(anEvent());
  clock.advance(GATHER_MS);
  await toldOf("events cannot be sent: trying again");
  for (let at = 0; at < 30; at++) {
    clock.advance(1_000);
    events.add(anEvent());
  }
  expect(events.forgotten).toBe(21);
  stop();

  const receiver = await aReceiver(500);
  const other = aStory(receiver.url, { max: 10 });
  other.events.add(anEvent());
  other.clock.advance(GATHER_MS);
  await other.toldOf("events cannot be sent: trying again");
  for (let at = 0; at < 14; at++) other.events.add(anEvent());
  other.clock.advance(RETRY_MAX_MS);
  const [, second] = await receiver.first(2);
  expect(second?.message).toMatchObject({ lost: 5, events: [{ id: 6 }, ...new Array(9).fill({})] });
});

test("the guide's receiver takes what is signed and new, and nothing else", async () => {
  const guide = readFileSync(new URL("../../../../docs/guide/events.md", import.meta.url), "utf8");
  const code = /```js\n([\s\S]*?)```/.exec(guide)?.[1] ?? "";
  const folder = mkdtempSync(join(tmpdir(), "receiver-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "receiver.mjs"), code);
  const { isFromQueen } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "receiver.mjs")).href)) as {
    isFromQueen(headers: object, body: Buffer, secret: string): boolean;
  };
  const body = JSON.stringify({ run_id: "r", events: [{ message: "über" }], lost: 0 });
  const headersAt = (ms: number, secret = "s3cret") => {
    const timestamp = String(Math.floor(ms / 1_000));
    return { "x-hive-timestamp": timestamp, "x-hive-signature": signatureOf(body, timestamp, secret) };
  };
  const isTaken = (headers: object, sent = body) => isFromQueen(headers, Buffer.from(sent), "s3cret");
  expect(isTaken(headersAt(Date.now()))).toBe(true);
  expect(isTaken(headersAt(Date.now()), body.replace("r", "s"))).toBe(false);
  expect(isTaken(headersAt(Date.now(), "another"))).toBe(false);
  expect(isTaken(headersAt(Date.now() - 600_000))).toBe(false);
  expect(isTaken({})).toBe(false);
});
