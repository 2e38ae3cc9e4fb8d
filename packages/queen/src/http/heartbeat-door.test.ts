import { once } from "node:events";
import { ERROR_STATUS, type ErrorCode, HEARTBEAT_BYTES_MAX } from "@hive-registry/contract";
import { describe, expect, test, vi } from "vitest";
import { aHeartbeat, aQueen, aWorker, type TestQueen } from "../testing/a-queen.ts";
import { aRawConnection, type RawConnection } from "../testing/raw-http.ts";

const TAKEN = { accepted: true, next_heartbeat_ms: 5_000 };
const text = (fields: object = {}): string => JSON.stringify(aHeartbeat(fields));

async function connectTo(queen: TestQueen): Promise<RawConnection> {
  if (!queen.app.server.listening) await queen.app.listen({ port: 0, host: "127.0.0.1" });
  const address = queen.app.server.address();
  return aRawConnection(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
}

/** The head of the next request has come, and what was sent with it. */
const begun = (queen: TestQueen): Promise<unknown> => once(queen.app.server, "request");

/** The head of a post, to which a body belongs. `null` leaves a header out. */
function head(headers: Record<string, string | number | null> = {}, path = "/api/v1/heartbeat"): string {
  const all = { host: "localhost", "content-type": "application/json", ...headers };
  const lines = Object.entries(all).map(([name, value]) => (value === null ? "" : `${name}: ${value}\r\n`));
  return `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}
const post = (body: string, headers: Record<string, string | null> = {}, path?: string): string =>
  head({ "content-length": Buffer.byteLength(body), ...headers }, path) + body;
const piece = (body: string): string => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;

describe("a heartbeat that is posted", () => {
  test("is answered on a connection that goes on, whatever was wrong with the one before", async () => {
    const queen = await aQueen();
    const hive = await connectTo(queen);
    const codes: unknown[] = [];
    for (const body of [text({ boot_id: "b", seq: 1 }), "{", "{}", text({ boot_id: "b", seq: 1 }), text()]) {
      hive.write(post(body));
      codes.push((await hive.answer()).body);
    }
    expect(codes).toMatchObject([
      TAKEN,
      { error: { code: "INVALID_JSON" } },
      { error: { code: "INVALID_REQUEST" } },
      { accepted: false, reason: "stale", next_heartbeat_ms: 5_000 },
      TAKEN,
    ]);
  });

  test("is told the interval of now, not of the heartbeat before", async () => {
    const queen = await aQueen({ pace: { intervalMs: 1_000, maxHeartbeatsPerSecond: 1 } });
    const hive = await connectTo(queen);
    const intervals: unknown[] = [];
    for (const hive_id of ["a", "b", "b", "c"]) {
      hive.write(post(text({ hive_id })));
      intervals.push((await hive.answer()).body);
    }
    expect(intervals).toMatchObject([1_000, 2_000, 2_000, 3_000].map((next_heartbeat_ms) => ({ next_heartbeat_ms })));
  });

  test("may come in pieces, also with half a character in each", async () => {
    const queen = await aQueen();
    const hive = await connectTo(queen);
    const whole = Buffer.from(post(text({ hive_id: "蜂" })));
    const middle = whole.indexOf("蜂") + 1;
    let first = begun(queen);
    hive.write(whole.subarray(0, middle));
    await first;
    hive.write(whole.subarray(middle));
    expect((await hive.answer()).body).toEqual(TAKEN);

    const body = text({ hive_id: "rack" });
    first = begun(queen);
    hive.write(head({ "transfer-encoding": "chunked" }) + piece(body.slice(0, 20)));
    await first;
    hive.write(`${piece(body.slice(20))}0\r\n\r\n`);
    expect((await hive.answer()).body).toEqual(TAKEN);
    expect(queen.queen.registry.listAllHives().toSorted()).toEqual(["rack", "蜂"]);
  });

  test("is answered in turn when several are sent at once", async () => {
    const queen = await aQueen();
    const hive = await connectTo(queen);
    hive.write([1, 2, 1].map((seq) => post(text({ boot_id: "b", seq }))).join(""));
    const answers = [await hive.answer(), await hive.answer(), await hive.answer()];
    expect(answers.map(({ body }) => (body as { accepted: boolean }).accepted)).toEqual([true, true, false]);
  });

  const taken: [string, string][] = [
    ["with a query", post(text(), {}, "/api/v1/heartbeat?from=here")],
    ["with the charset named", post(text(), { "content-type": "Application/JSON; charset=utf-8" })],
    ["with a byte order mark", post(`\ufeff${text()}`)],
    ["with a constructor that makes nothing", post(text({ constructor: { name: "x" } }))],
    ["with the word __proto__ in a text", post(text({ timestamp: '"__proto__": {}' }))],
  ];
  test.each(taken)("is taken %s", async (_, bytes) => {
    const hive = await connectTo(await aQueen());
    hive.write(bytes);
    expect(await hive.answer()).toMatchObject({
      status: 200,
      headers: {
        "content-type": "application/json; charset=utf-8",
        "content-length": String(JSON.stringify(TAKEN).length),
      },
      body: TAKEN,
    });
  });

  const poisoned = (name: string): string => text({ workers: [{ ...aWorker(), poison: 1 }] }).replace("poison", name);
  const refused: [string, string, ErrorCode][] = [
    ["nothing", post(""), "INVALID_JSON"],
    ["no JSON", post("hello"), "INVALID_JSON"],
    ["nothing, in pieces", `${head({ "transfer-encoding": "chunked" })}0\r\n\r\n`, "INVALID_JSON"],
    ["no body at all", head({ "content-type": null }), "INVALID_REQUEST"],
    ["JSON that is no heartbeat", post("[]"), "INVALID_REQUEST"],
    ["a list ten thousand deep", post("[".repeat(10_000) + "]".repeat(10_000)), "INVALID_REQUEST"],
    ["a field __proto__", post(poisoned("__proto__")), "INVALID_JSON"],
    ["a field __proto__ in disguise", post(poisoned("\\u005f_proto__")), "INVALID_JSON"],
    ["a constructor with a prototype", post(text({ constructor: { prototype: {} } })), "INVALID_JSON"],
    ["one in disguise", post(text({ constructor: { prototype: 1 } }).replace("con", "\\u0063on")), "INVALID_JSON"],
    [
      "__proto__ ten thousand deep",
      post(`${'{"a":'.repeat(10_000)}{"__proto__":1}${"}".repeat(10_000)}`),
      "INVALID_JSON",
    ],
    ["text", post(text(), { "content-type": "text/plain" }), "UNSUPPORTED_MEDIA_TYPE"],
    ["another kind of JSON", post(text(), { "content-type": "application/jsonx" }), "UNSUPPORTED_MEDIA_TYPE"],
    ["a body of no kind", post(text(), { "content-type": null }), "UNSUPPORTED_MEDIA_TYPE"],
    ["a page of another site", post(text(), { origin: "https://evil.example" }), "FORBIDDEN"],
    ["another name of this machine", post(text(), { host: "evil.example" }), "FORBIDDEN"],
    ["a wish to upgrade", post(text(), { connection: "upgrade", upgrade: "websocket" }), "INVALID_REQUEST"],
  ];
  test.each(refused)("is refused when it is %s", async (_, bytes, code) => {
    const queen = await aQueen();
    const hive = await connectTo(queen);
    hive.write(bytes);
    expect(await hive.answer()).toMatchObject({
      status: ERROR_STATUS[code],
      headers: { "content-type": "application/json; charset=utf-8", "x-request-id": expect.stringMatching(/^req-/) },
      body: { error: { code, message: expect.any(String) } },
    });
    expect(queen.queen.registry.hiveCount()).toBe(0);
  });

  test("may have as many bytes as it may, and one more is refused and the connection closed", async () => {
    const queen = await aQueen();
    const padded = (bytes: number) =>
      text({ padding: "" }).replace('""', `"${"x".repeat(bytes - text({ padding: "" }).length)}"`);
    const hive = await connectTo(queen);
    hive.write(post(padded(HEARTBEAT_BYTES_MAX)));
    expect((await hive.answer()).body).toEqual(TAKEN);

    hive.write(head({ "content-length": HEARTBEAT_BYTES_MAX + 1 }));
    const tooLarge = { status: 413, headers: { connection: "close" }, body: { error: { code: "BODY_TOO_LARGE" } } };
    expect(await hive.answer()).toMatchObject(tooLarge);
    await hive.closed;

    const endless = await connectTo(queen);
    endless.write(head({ "transfer-encoding": "chunked" }) + piece(padded(HEARTBEAT_BYTES_MAX + 1)));
    expect(await endless.answer()).toMatchObject(tooLarge);
    await endless.closed;
  });

  test("of which only a part came before the client left changes nothing", async () => {
    const queen = await aQueen();
    const hive = await connectTo(queen);
    const aborted = new Promise<void>((resolve) => {
      queen.app.server.once("request", (request) => request.once("close", () => resolve()));
    });
    const half = begun(queen);
    hive.write(post(text()).slice(0, -10));
    await half;
    hive.leave();
    await aborted;
    expect(queen.queen.registry.hiveCount()).toBe(0);
    expect(await queen.heartbeat(aHeartbeat())).toEqual(TAKEN);
  });

  test("meets the token before anything of it is read", async () => {
    const queen = await aQueen({ token: "secret" });
    const hive = await connectTo(queen);
    for (const authorization of [null, "Bearer wrong"]) {
      hive.write(post("{", { authorization }));
      expect(await hive.answer()).toMatchObject({
        status: 401,
        headers: { "www-authenticate": "Bearer" },
        body: { error: { code: "UNAUTHENTICATED" } },
      });
    }
    hive.write(post(text(), { authorization: "Bearer secret", host: "queen.lan" }));
    expect((await hive.answer()).body).toEqual(TAKEN);
  });

  test("that meets a defect of ours is told the request's id, and nothing of the inside", async () => {
    const queen = await aQueen();
    vi.spyOn(queen.queen, "receiveHeartbeat").mockImplementation(() => {
      throw new Error("in /secret/place.ts");
    });
    const hive = await connectTo(queen);
    hive.write(post(text()));
    const { status, headers, body } = await hive.answer();
    expect({ status, body }).toMatchObject({ status: 500, body: { error: { code: "INTERNAL" } } });
    expect(JSON.stringify(body)).toContain(headers["x-request-id"]);
    expect(JSON.stringify(body)).not.toContain("secret");
  });
});

test("a queen that stops answers what was begun, and nothing that comes after it", async () => {
  const queen = await aQueen();
  const hive = await connectTo(queen);
  const first = post(text());
  const half = begun(queen);
  hive.write(first.slice(0, -10));
  await half;
  const closed = queen.app.close();
  await expect.poll(() => queen.app.server.listening).toBe(false);
  hive.write(first.slice(-10) + post(text({ hive_id: "late" })));
  expect((await hive.answer()).body).toEqual(TAKEN);
  expect(await hive.answer()).toMatchObject({
    status: 503,
    headers: { connection: "close", "retry-after": "1", "x-request-id": expect.stringMatching(/^req-/) },
    body: { error: { code: "SHUTTING_DOWN" } },
  });
  await hive.closed;
  await closed;
  expect(queen.queen.registry.listAllHives()).toEqual(["desk"]);
});
