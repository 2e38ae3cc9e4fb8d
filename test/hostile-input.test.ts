import { connect } from "node:net";
import type { HeartbeatReply, StatsReply } from "@hive-registry/client";
import { ERROR_STATUS, type ErrorCode } from "@hive-registry/contract";
import type { HiveHeartbeatPayload } from "hive-registry";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type Beating, beating } from "./support/beating.ts";
import { within } from "./support/eventually.ts";
import { type AQueen, Workplace } from "./support/workplace.ts";

const aWorker = (fields: object = {}) => ({
  ...{ worker_id: "w", state: "Idle", last_heartbeat: "2026-01-01T00:00:00Z", health_status: "healthy" },
  ...{ url: "http://127.0.0.1:9", model_id: "m" },
  ...fields,
});
/** What an attacker sends: a heartbeat that would be fine but for `fields`. */
const aHeartbeat = (fields: object = {}) => ({
  ...{ hive_id: "attacker", timestamp: "2026-01-01T00:00:00Z", workers: [aWorker()] },
  ...fields,
});
const withWorker = (fields: object) => aHeartbeat({ workers: [aWorker(fields)] });
const manyWorkers = (count: number) =>
  aHeartbeat({ workers: Array.from({ length: count }, (_, at) => ({ ...MINIMAL, worker_id: `${at}` })) });
const MINIMAL = { state: "Idle", last_heartbeat: "", health_status: "healthy" };
const text = (value: unknown) => JSON.stringify(value);
const LONG = "x".repeat(10_240);

/** What is wrong, what is sent, and the code it is answered with: the list one by one. */
const FAULTS: [string, string, ErrorCode][] = [
  ["nothing", "", "INVALID_JSON"],
  ["no JSON", "hello", "INVALID_JSON"],
  ["half of a heartbeat", text(aHeartbeat()).slice(0, -20), "INVALID_JSON"],
  ["two heartbeats in one body", text(aHeartbeat()).repeat(2), "INVALID_JSON"],
  ["NaN", text(withWorker({ gpu_percent: "?" })).replace('"?"', "NaN"), "INVALID_JSON"],
  ["a list of lists, ten thousand deep", "[".repeat(10_000) + "]".repeat(10_000), "INVALID_REQUEST"],
  ["a heartbeat ten thousand lists deep", `{"hive_id":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, "INVALID_REQUEST"],
  ["null", "null", "INVALID_REQUEST"],
  ["a number", "42", "INVALID_REQUEST"],
  ["a list", text([aHeartbeat()]), "INVALID_REQUEST"],
  ["an empty object", "{}", "INVALID_REQUEST"],
  ["workers that are no list", text(aHeartbeat({ workers: { length: 3 } })), "INVALID_REQUEST"],
  ["workers that are null", text(aHeartbeat({ workers: null })), "INVALID_REQUEST"],
  ["a worker that is text", text(aHeartbeat({ workers: ["w"] })), "INVALID_REQUEST"],
  ["a number for an id", text(aHeartbeat({ hive_id: 7 })), "INVALID_REQUEST"],
  ["a number for a timestamp", text(aHeartbeat({ timestamp: 1_767_225_600_000 })), "INVALID_REQUEST"],
  ["an unknown state", text(withWorker({ state: "Sleeping" })), "INVALID_REQUEST"],
  ["a state in small letters", text(withWorker({ state: "idle" })), "INVALID_REQUEST"],
  ["text for a number", text(withWorker({ vram_bytes: "8000000000" })), "INVALID_REQUEST"],
  ["a negative number", text(withWorker({ vram_bytes: -1 })), "INVALID_REQUEST"],
  ["a huge number", text(withWorker({ vram_bytes: 1e300 })), "INVALID_REQUEST"],
  [
    "infinity",
    text(withWorker({ gpu_percent: 0 })).replace('"gpu_percent":0', '"gpu_percent":1e999'),
    "INVALID_REQUEST",
  ],
  ["more than a hundred percent", text(withWorker({ gpu_percent: 100.5 })), "INVALID_REQUEST"],
  ["half a byte", text(withWorker({ ram_bytes: 0.5 })), "INVALID_REQUEST"],
  ["a sequence number beyond exact numbers", text(aHeartbeat({ boot_id: "b", seq: 2 ** 53 })), "INVALID_REQUEST"],
  ["an interval of no time", text(aHeartbeat({ interval_ms: 0 })), "INVALID_REQUEST"],
  ["a hive id of 10 kB", text(aHeartbeat({ hive_id: LONG })), "INVALID_REQUEST"],
  ["a worker id of 10 kB", text(withWorker({ worker_id: LONG })), "INVALID_REQUEST"],
  ["a model of 10 kB", text(withWorker({ model_id: LONG })), "INVALID_REQUEST"],
  ["a URL of 10 kB", text(withWorker({ url: `http://h/${LONG}` })), "INVALID_REQUEST"],
  ["a timestamp of 10 kB", text(aHeartbeat({ timestamp: LONG })), "INVALID_REQUEST"],
  ["an empty id", text(aHeartbeat({ hive_id: "" })), "INVALID_REQUEST"],
  ["__proto__ as an id", text(aHeartbeat({ hive_id: "__proto__" })), "INVALID_REQUEST"],
  ["constructor as an id", text(aHeartbeat({ hive_id: "constructor" })), "INVALID_REQUEST"],
  ["__proto__ as a worker's id", text(withWorker({ worker_id: "__proto__" })), "INVALID_REQUEST"],
  ["__proto__ as a model", text(withWorker({ model_id: "__proto__" })), "INVALID_REQUEST"],
  ["__proto__ as a backend", text(withWorker({ backend: "__proto__" })), "INVALID_REQUEST"],
  ["a path as an id", text(aHeartbeat({ hive_id: ".." })), "INVALID_REQUEST"],
  ["a NUL in an id", text(aHeartbeat({ hive_id: "a\u0000b" })), "INVALID_REQUEST"],
  ["a line break in an id", text(aHeartbeat({ hive_id: "a\nb" })), "INVALID_REQUEST"],
  ["an escape sequence in an id", text(aHeartbeat({ hive_id: "\u001b[2J" })), "INVALID_REQUEST"],
  ["text that runs backwards in an id", text(withWorker({ worker_id: "a\u202eb" })), "INVALID_REQUEST"],
  ["half a character in an id", '{"hive_id":"\\ud800","timestamp":"","workers":[]}', "INVALID_REQUEST"],
  ["a script as a URL", text(withWorker({ url: "javascript:alert(1)" })), "INVALID_REQUEST"],
  ["a file as a URL", text(withWorker({ url: "file:///etc/passwd" })), "INVALID_REQUEST"],
  ["a password in a URL", text(withWorker({ url: "http://user:pass@host:1/" })), "INVALID_REQUEST"],
  ["the same worker twice", text(aHeartbeat({ workers: [aWorker(), aWorker()] })), "INVALID_REQUEST"],
  [
    "the same worker twice among many",
    text(aHeartbeat({ workers: [...manyWorkers(50).workers, { ...MINIMAL, worker_id: "7" }] })),
    "INVALID_REQUEST",
  ],
  ["ten thousand workers", text(manyWorkers(10_000)), "INVALID_REQUEST"],
  ["three hundred devices", text(aHeartbeat({ devices: Array.from({ length: 300 }, () => ({})) })), "INVALID_REQUEST"],
];

/** Strange, and documented to be taken. */
const ACCEPTED: [string, string][] = [
  ["unknown fields", text(aHeartbeat({ favourite_colour: "blue", constructor_: {} }))],
  ["a date that is none", text(aHeartbeat({ timestamp: "yesterday" }))],
  ["no workers at all", text(aHeartbeat({ workers: [] }))],
  ["an id in any script", text(aHeartbeat({ hive_id: "蜂の巣 №1 🐝" }))],
  ["as many workers as one hive may have", text(manyWorkers(1_024))],
  ["the same key twice", text(aHeartbeat()).replace("{", '{"hive_id":"__proto__",')],
];

let workplace: Workplace;
let queen: AQueen;
let stats: StatsReply;
let innocent: unknown;

beforeAll(async () => {
  workplace = new Workplace();
  queen = await workplace.queen();
});
afterAll(() => workplace.end());

/** The queen knows an innocent hive. What it looks like now is what it must look like afterwards. */
beforeEach(async () => {
  for (const { hive_id } of await queen.client.listHives()) await queen.client.removeHive(hive_id);
  const payload = aHeartbeat({
    hive_id: "innocent",
    workers: [aWorker({ worker_id: "a" }), aWorker({ worker_id: "b" })],
  });
  await queen.client.heartbeat(payload as HiveHeartbeatPayload);
  stats = await queen.client.stats();
  innocent = await queen.client.hive("innocent");
});

async function expectNothingChanged(): Promise<void> {
  const { revision, hives, workers } = await queen.client.stats();
  expect({ revision, hives, workers }).toEqual({
    revision: stats.revision,
    hives: stats.hives,
    workers: stats.workers,
  });
  expect(await queen.client.hive("innocent")).toEqual(innocent);
}

const post = async (body: string | Uint8Array, headers: Record<string, string> = {}) => {
  const response = await fetch(`${queen.url}/api/v1/heartbeat`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: body as BodyInit,
  });
  return { status: response.status, body: (await response.json()) as HeartbeatReply };
};

function expectError(body: unknown, code: ErrorCode): void {
  expect(body).toMatchObject({ error: { code, message: expect.stringMatching(/^[^\n]+$/) } });
  expect(text(body).length).toBeLessThan(20_000);
  expect(text(body)).not.toMatch(/node_modules|\.[tj]s\b|\bat \w+ \(/);
}

describe("bad heartbeats are answered with their code, and nothing changes", { timeout: 120_000 }, () => {
  test("over HTTP", async () => {
    for (const [what, body, code] of FAULTS) {
      const answer = await post(body);
      expect({ what, status: answer.status }).toEqual({ what, status: ERROR_STATUS[code] });
      expectError(answer.body, code);
    }
    await expectNothingChanged();
  });

  test("over a WebSocket, which goes on", async () => {
    let connection = await beating(queen.url);
    for (const [at, [what, body, code]] of FAULTS.entries()) {
      // One that sends nothing but faults is cut off: that is another story.
      if (at % 10 === 0) connection = await beating(queen.url);
      const answer = await connection.send(body);
      // What has no list of workers is a lease: it lacks other fields, and is refused just so.
      expect({ what, answer }).toMatchObject({ what, answer: { accepted: false, reason: "invalid", error: { code } } });
      expectError({ error: answer?.error }, code);
    }
    await expectNothingChanged();
    expect(await connection.send(text(aHeartbeat()))).toMatchObject({ accepted: true });
  });

  test("a field's name is told where it is wrong, as a path into what was sent", async () => {
    const { body } = await post(
      text(aHeartbeat({ workers: [aWorker(), aWorker({ worker_id: "x", vram_bytes: -1 })] })),
    );
    expect(body.error?.details).toEqual([{ path: "/workers/1/vram_bytes", message: expect.any(String) }]);
    const { body: twice } = await post(text(aHeartbeat({ workers: [aWorker(), aWorker()] })));
    expect(twice.error?.details).toEqual([
      { path: "/workers/1/worker_id", message: expect.stringContaining("unique") },
    ]);
    const { body: many } = await post(text(aHeartbeat({ workers: Array.from({ length: 500 }, () => ({})) })));
    expect((many.error?.details as unknown[] | undefined)?.length).toBeLessThanOrEqual(20);
  });

  test("bytes that are no text, and bodies of another kind", async () => {
    expectError((await post(Uint8Array.of(0xff, 0xfe, 0x00, 0x01))).body, "INVALID_JSON");
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", "json"]) {
      const answer = await post(text(aHeartbeat()), { "content-type": type });
      expect({ type, status: answer.status }).toEqual({ type, status: 415 });
      expectError(answer.body, "UNSUPPORTED_MEDIA_TYPE");
    }
    const connection = await beating(queen.url);
    expectError(await connection.send(Buffer.from(text(aHeartbeat()))), "INVALID_JSON");
    await expectNothingChanged();
  });

  test("a body over 1 MiB: refused over HTTP, the end of a WebSocket", async () => {
    const large = text(aHeartbeat({ padding: "x".repeat(1_048_577) }));
    const answer = await post(large);
    expect(answer.status).toBe(413);
    expectError(answer.body, "BODY_TOO_LARGE");

    const connection = await beating(queen.url);
    expect(await connection.send(large)).toBeUndefined();
    // "message too big", RFC 6455
    expect((await connection.closed).code).toBe(1009);
    await expectNothingChanged();
  });

  test("a body without end is cut off at 1 MiB", async () => {
    const socket = connect(Number(new URL(queen.url).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let reply = "";
    socket.setEncoding("utf8").on("data", (piece: string) => {
      reply += piece;
    });
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()).on("error", () => undefined));
    socket.write(
      "POST /api/v1/heartbeat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    // A little more than is taken, and never the end.
    for (let sent = 0; sent <= 1_048_576; sent += 0x10000) socket.write(`10000\r\n${"x".repeat(0x10000)}\r\n`);
    await within("the cut", closed);
    expect(reply).toMatch(/^HTTP\/1\.1 413 /);
    expect(reply).toContain("BODY_TOO_LARGE");
    await expectNothingChanged();
  });

  test("a heartbeat in another hive's name on a connection that speaks for one", async () => {
    const connection = await beating(queen.url);
    expect(await connection.send(text(aHeartbeat()))).toMatchObject({ accepted: true });
    stats = await queen.client.stats();
    const forged = [aHeartbeat({ hive_id: "innocent", workers: [] }), { hive_id: "innocent", boot_id: "b", seq: 1 }];
    for (const message of forged) {
      const answer = await connection.send(text(message));
      expect(answer).toMatchObject({ accepted: false, reason: "invalid" });
      expectError({ error: answer?.error }, "HIVE_ID_MISMATCH");
    }
    await expectNothingChanged();
    // Nor does its end harm the other.
    connection.close();
    await connection.closed;
    expect(await queen.client.hive("innocent")).toEqual(innocent);
  });

  test("who sends nothing but faults is cut off, and may come back", async () => {
    const connection = await beating(queen.url);
    let answers = 0;
    while ((await connection.send("no")) !== undefined) answers++;
    expect(answers).toBeLessThanOrEqual(16);
    expect(await connection.closed).toMatchObject({ code: 1008 });
    await expectNothingChanged();
    expect(await (await beating(queen.url)).send(text(aHeartbeat()))).toMatchObject({ accepted: true });
  });
});

describe("strange heartbeats that are documented to be taken", { timeout: 60_000 }, () => {
  test.each(ACCEPTED)("%s", async (_, body) => {
    const { hive_id, workers } = JSON.parse(body) as HiveHeartbeatPayload;
    const connection: Beating = await beating(queen.url);
    expect(await connection.send(body)).toMatchObject({ accepted: true });
    const answer = await post(body);
    expect({ status: answer.status, accepted: answer.body.accepted }).toEqual({ status: 200, accepted: true });
    expect(await queen.client.hive(hive_id)).toMatchObject({ hive_id, worker_count: workers.length });
    expect(await queen.client.hive("innocent")).toEqual(innocent);
    expect((await queen.client.stats()).hives.total).toBe(2);
  });
});

describe("requests that are none", { timeout: 60_000 }, () => {
  test("bad addresses get their codes", async () => {
    const asked: [string, ErrorCode][] = [
      ["/api/v1/hives/%00", "INVALID_REQUEST"],
      ["/api/v1/hives/%ff", "INVALID_REQUEST"],
      ["/api/v1/hives/%", "INVALID_REQUEST"],
      ["/api/v1/hives/__proto__", "INVALID_REQUEST"],
      [`/api/v1/hives/${"x".repeat(2_000)}`, "INVALID_REQUEST"],
      ["/api/v1/workers/constructor", "INVALID_REQUEST"],
      ["/api/v1/route", "INVALID_REQUEST"],
      [`/api/v1/route?model=${LONG}`, "INVALID_REQUEST"],
      ["/api/v1/route?model=a&model=b", "INVALID_REQUEST"],
      ["/api/v1/workers?state=asleep", "INVALID_REQUEST"],
      ["/api/v1/hives?limit=1e9", "INVALID_REQUEST"],
      ["/api/v1/hives?max_age_ms=NaN", "INVALID_REQUEST"],
      ["/api/v1/nothing", "ROUTE_NOT_FOUND"],
      ["/api/v1/../../etc/passwd", "ROUTE_NOT_FOUND"],
      ["/api/v1/heartbeat", "METHOD_NOT_ALLOWED"],
    ];
    for (const [path, code] of asked) {
      const response = await fetch(queen.url + path);
      const body = await response.json();
      expect({ path, status: response.status, body }).toMatchObject({
        path,
        status: ERROR_STATUS[code],
        body: { error: { code } },
      });
      expectError(body, code);
    }
    await expectNothingChanged();
  });

  test("what is not HTTP is answered with one error and closed, and the queen goes on", async () => {
    const noise = [
      "hello\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      `GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}\r\n\r\n`,
      "\u0000\u0001\u0002\r\n\r\n",
    ];
    for (const bytes of noise) {
      const socket = connect(Number(new URL(queen.url).port), "127.0.0.1");
      onTestFinished(() => void socket.destroy());
      let reply = "";
      socket.setEncoding("utf8").on("data", (piece: string) => {
        reply += piece;
      });
      const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()).on("error", () => undefined));
      socket.write(bytes);
      await within("the end of the connection", closed);
      expect(reply).toMatch(/^HTTP\/1\.1 4\d\d /);
      expectError(JSON.parse(reply.slice(reply.indexOf("\r\n\r\n") + 4)), "INVALID_REQUEST");
    }
    await expectNothingChanged();
  });
});
