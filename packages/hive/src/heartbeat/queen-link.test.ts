import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundInterval, FULL_EVERY, INTERVAL_MAX_MS, INTERVAL_MIN_MS, jittered } from "./interval.ts";
import { BUFFERED_BYTES_MAX, PONG_LIMIT_MS, WEBSOCKET_RETRY_MS } from "./queen-link.ts";
import { aLink, aReport, aWorker } from "./testing/a-link.ts";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const accepted = (next_heartbeat_ms = 5_000) => ({
  status: 200,
  text: JSON.stringify({ accepted: true, next_heartbeat_ms }),
  route: undefined,
});

describe("a connection", () => {
  test("begins with everything there is to tell, and with the token", () => {
    const { last, routes } = aLink({ token: "s3cret", url: "https://queen.example/hives" });
    expect(last().url).toBe("wss://queen.example/hives/api/v1/heartbeat");
    expect(last().headers).toEqual({ authorization: "Bearer s3cret" });
    last().open();
    expect(last().sent).toMatchObject([
      {
        hive_id: "desk",
        boot_id: "boot-1",
        seq: 1,
        interval_ms: 5_000,
        workers: [{ worker_id: "w" }],
        cpu_percent: 10,
      },
    ]);
    expect(routes).toEqual(["10.0.0.5"]);
  });

  test("goes on with leases while nothing changes, and every twelfth beat is a full one all the same", () => {
    const { last, clock } = aLink();
    last().open();
    last().reply();
    for (let beat = 0; beat < 25; beat++) {
      clock.advance(5_000);
      last().events.pong();
    }
    expect(last().kinds).toBe("FlllllllllllFlllllllllllFl");
    expect(last().kinds.slice(0, FULL_EVERY + 1)).toMatch(/^F.*F$/);
    expect(last().sent.map(({ seq }) => seq)).toEqual(last().sent.map((_, at) => at + 1));
    expect(Object.keys(last().sent[1] ?? {})).toEqual(["hive_id", "boot_id", "seq"]);
  });

  test("tells everything at the next beat when a number moved far enough, and only then", () => {
    const { last, clock, setReport } = aLink();
    last().open();
    setReport(aReport({ cpu_percent: 12, ram_available_bytes: 20e9 - 1e6 }));
    clock.advance(5_000);
    setReport(aReport({ cpu_percent: 40 }));
    clock.advance(5_000);
    expect(last().kinds).toBe("FlF");
  });

  test("tells a worker's new state within 50 ms, once for what changed together", () => {
    const { link, last, clock, setReport } = aLink();
    last().open();
    clock.advance(1_000);
    setReport(aReport({ workers: [aWorker({ state: "Busy" })] }));
    link.changed();
    link.changed();
    setReport(aReport({ workers: [aWorker({ state: "Busy" }), aWorker({ worker_id: "v" })] }));
    link.changed();
    clock.advance(50);
    expect(last().kinds).toBe("FF");
    expect(last().fulls[1]?.workers).toHaveLength(2);
    // The next beat is counted from this one.
    clock.advance(4_960);
    expect(last().kinds).toBe("FF");
    clock.advance(10);
    expect(last().kinds).toBe("FFl");
  });

  test.each([
    ["a worker came", [aWorker(), aWorker({ worker_id: "v" })]],
    ["a worker went", []],
    ["one drains", [aWorker({ draining: true })]],
    ["one hangs", [aWorker({ health_status: "degraded" })]],
    ["one got its URL", [aWorker({ url: "http://127.0.0.1:9300" })]],
  ])("tells at once that %s", (_what, workers) => {
    const { link, last, clock, setReport } = aLink();
    last().open();
    setReport(aReport({ workers }));
    link.changed();
    clock.advance(50);
    expect(last().kinds).toBe("FF");
  });

  test("leaves what can wait to the next beat", () => {
    const { link, last, clock, setReport } = aLink();
    last().open();
    setReport(aReport({ workers: [aWorker({ slots_busy: 1, queue_depth: 2, ram_bytes: 1e9 })] }));
    link.changed();
    clock.advance(4_999);
    expect(last().kinds).toBe("F");
    clock.advance(1);
    expect(last().kinds).toBe("FF");
  });
});

describe("the interval", () => {
  test("is the one the queen asked for last, at once when it becomes shorter", () => {
    const { last, clock } = aLink();
    last().open();
    last().reply({ next_heartbeat_ms: 1_000 });
    clock.advance(999);
    expect(last().sent).toHaveLength(1);
    clock.advance(1);
    expect(last().sent).toHaveLength(2);
    last().reply({ next_heartbeat_ms: 60_000 });
    clock.advance(59_999);
    expect(last().sent).toHaveLength(2);
    clock.advance(1);
    expect(last().sent).toHaveLength(3);
    last().reply({ next_heartbeat_ms: 500 });
    clock.advance(500);
    expect(last().sent).toHaveLength(4);
  });

  test("stays within what is sane, whatever is asked", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (asked) => {
        expect(boundInterval(asked)).toBeGreaterThanOrEqual(INTERVAL_MIN_MS);
        expect(boundInterval(asked)).toBeLessThanOrEqual(INTERVAL_MAX_MS);
      }),
    );
    expect([0, 200, 600_001].map(boundInterval)).toEqual([200, 200, 600_000]);
  });

  test("varies by a tenth at most", () => {
    expect([0, 0.5, 1].map((chance) => jittered(5_000, () => chance))).toEqual([4_500, 5_000, 5_500]);
  });
});

describe("what the queen answers", () => {
  test("unknown to a lease: everything is told again at once", () => {
    const { last, clock } = aLink();
    last().open();
    clock.advance(5_000);
    last().reply({ accepted: false, reason: "unknown" });
    expect(last().kinds).toBe("FlF");
  });

  test("unknown to a full heartbeat: told again at the next beat, not in a circle", () => {
    const { last, clock } = aLink();
    last().open();
    for (let at = 0; at < 5; at++) last().reply({ accepted: false, reason: "unknown" });
    expect(last().kinds).toBe("F");
    clock.advance(5_000);
    expect(last().kinds).toBe("FF");
  });

  test("stale: a person is told once what that may mean", () => {
    const { last, messages } = aLink();
    last().open();
    last().reply({ accepted: false, reason: "stale" });
    last().reply({ accepted: false, reason: "stale" });
    expect(messages("warn")).toEqual([
      "the queen knows newer heartbeats of desk: does another machine use the same --id?",
    ]);
  });

  test("invalid, nonsense or another version's words: logged once, and the beats go on", () => {
    const { last, messages, clock } = aLink();
    last().open();
    last().reply({ accepted: false, reason: "invalid", error: { code: "INVALID_REQUEST", message: "x" } });
    for (const text of ["not json", "[]", "null", '{"accepted":"yes"}', '{"accepted":true,"next_heartbeat_ms":-1}']) {
      last().events.message(text);
    }
    expect(messages("error")).toHaveLength(1);
    expect(messages("warn")).toHaveLength(1);
    clock.advance(5_000);
    expect(last().kinds).toBe("Fl");
  });
});

describe("a queen that is away", () => {
  test("is tried for ever: the first time within 250 ms, later every 2 s, and one line is logged", () => {
    const { connections, last, clock, messages } = aLink({ random: () => 1 });
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      last().end({ kind: "unreachable", message: "ECONNREFUSED" });
      pauses.push(clock.nextInMs() as number);
      clock.advance(clock.nextInMs() as number);
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000]);
    expect(connections).toHaveLength(10);
    expect(messages("warn")).toHaveLength(1);
  });

  test("of a fleet so large that its hives beat seldom is tried less often, and at least every 10 s", () => {
    for (const [interval, longest] of [
      [20_000, 8_000],
      [600_000, 10_000],
      [200, 2_000],
    ] as const) {
      const { last, clock } = aLink({ random: () => 1 });
      last().open();
      last().reply({ ...accepted(), next_heartbeat_ms: interval });
      const pauses: number[] = [];
      for (let attempt = 0; attempt < 9; attempt++) {
        last().end({ kind: "unreachable", message: "ECONNREFUSED" });
        pauses.push(clock.nextInMs() as number);
        clock.advance(clock.nextInMs() as number);
      }
      expect(Math.max(...pauses)).toBe(longest);
    }
  });

  test("that answers and refuses is asked every 10 s at last", () => {
    const { last, clock } = aLink({ token: "old", random: () => 1 });
    let pauseMs = 0;
    for (let attempt = 0; attempt < 9; attempt++) {
      last().end({ kind: "refused", status: attempt % 2 === 0 ? 401 : 503 });
      pauseMs = clock.nextInMs() as number;
      clock.advance(pauseMs);
    }
    expect(pauseMs).toBe(10_000);
  });

  test("is told everything again when it is back", () => {
    const { last, clock } = aLink();
    last().open();
    clock.advance(5_000);
    last().end();
    clock.advance(250);
    last().open();
    expect(last().fulls[0]?.seq).toBe(3);
  });

  test("is tried from the shortest pause after a connection that stood well", () => {
    const { last, clock } = aLink({ random: () => 1 });
    for (let attempt = 0; attempt < 5; attempt++) {
      last().end({ kind: "unreachable", message: "ECONNREFUSED" });
      clock.advance(clock.nextInMs() as number);
    }
    last().open();
    clock.advance(10_000);
    last().end();
    expect(clock.nextInMs()).toBe(250);
  });

  test("that wants another token is explained once, in words that say what to do, and tried on", () => {
    const { last, clock, messages, connections, posts } = aLink({ token: "old" });
    for (let attempt = 0; attempt < 3; attempt++) {
      last().end({ kind: "refused", status: 401 });
      clock.advance(10_000);
    }
    expect(messages("error")).toEqual([
      "the queen refuses this hive's token: start the hive with HIVE_TOKEN or --token-file set to the queen's token; until then I keep trying",
    ]);
    expect(connections).toHaveLength(4);
    expect(posts).toEqual([]);
  });

  test("whose connection is dead without having closed is found out by its silence after a ping", async () => {
    const { connections, last, clock } = aLink();
    last().open();
    expect(last().pings).toBe(1);
    clock.advance(PONG_LIMIT_MS);
    await settle();
    expect(last().closed).toBe(true);
    clock.advance(250);
    expect(connections).toHaveLength(2);
  });

  test("that answers pings keeps its connection, however quiet it is", () => {
    const { connections, last, clock } = aLink();
    last().open();
    for (let beat = 0; beat < 20; beat++) {
      last().events.pong();
      clock.advance(5_000);
    }
    expect(connections).toHaveLength(1);
  });

  test("that takes nothing in is sent nothing more until it does, so that the memory does not fill", () => {
    const { last, clock } = aLink();
    last().open();
    last().buffered = BUFFERED_BYTES_MAX + 1;
    for (let beat = 0; beat < 5; beat++) {
      last().events.pong();
      clock.advance(5_000);
    }
    expect(last().sent).toHaveLength(1);
    last().buffered = 0;
    last().events.pong();
    clock.advance(5_000);
    expect(last().sent).toHaveLength(2);
  });
});

describe("a queen without WebSocket", () => {
  test.each([{ kind: "refused", status: 404 } as const, { kind: "not-websocket", message: "socket hang up" } as const])(
    "(%o) gets full heartbeats by POST at the interval it asks for",
    async (why) => {
      const { last, clock, posts } = aLink();
      last().end(why);
      expect(posts).toMatchObject([{ url: "http://queen:7833/api/v1/heartbeat", beat: { seq: 1, hive_id: "desk" } }]);
      posts[0]?.answer(accepted(2_000));
      await settle();
      clock.advance(1_999);
      expect(posts).toHaveLength(1);
      clock.advance(1);
      expect(posts).toMatchObject([{}, { beat: { workers: [{ worker_id: "w" }] } }]);
    },
  );

  test("gets one at a time: a change meanwhile follows when the answer is there", async () => {
    const { link, last, clock, posts, setReport } = aLink();
    last().end({ kind: "refused", status: 404 });
    setReport(aReport({ workers: [aWorker({ state: "Busy" })] }));
    link.changed();
    clock.advance(20_000);
    expect(posts).toHaveLength(1);
    posts[0]?.answer(accepted());
    await settle();
    clock.advance(50);
    expect(posts).toMatchObject([{}, { beat: { workers: [{ state: "Busy" }] } }]);
  });

  test("is asked for a WebSocket again now and then, and used so once it has one", async () => {
    const { connections, last, clock, posts } = aLink();
    last().end({ kind: "refused", status: 404 });
    for (let at = 0; connections.length === 1 && at < 100; at++) {
      posts.at(-1)?.answer(accepted());
      await settle();
      clock.advance(5_000);
    }
    expect(posts.length).toBe(WEBSOCKET_RETRY_MS / 5_000 + 1);
    last().open();
    expect(last().kinds).toBe("F");
    const before = posts.length;
    posts.at(-1)?.answer(accepted());
    await settle();
    clock.advance(10_000);
    expect(posts).toHaveLength(before);
    expect(last().kinds).toBe("Fll");
  });

  test("goes on by POST when the other try fails too", async () => {
    const { connections, last, clock, posts } = aLink();
    last().end({ kind: "refused", status: 404 });
    while (connections.length === 1) {
      posts.at(-1)?.answer(accepted());
      await settle();
      clock.advance(5_000);
    }
    last().end({ kind: "refused", status: 404 });
    posts.at(-1)?.answer(accepted());
    await settle();
    const before = posts.length;
    clock.advance(5_000);
    expect(posts).toHaveLength(before + 1);
  });

  test("that goes away is tried with growing pauses, WebSocket first", async () => {
    const { connections, last, clock, posts } = aLink();
    last().end({ kind: "refused", status: 404 });
    posts[0]?.answer({ status: undefined, message: "ECONNREFUSED" });
    await settle();
    expect(connections).toHaveLength(1);
    clock.advance(250);
    expect(connections).toHaveLength(2);
  });
});

describe("goodbye", () => {
  test("is said on the connection before it closes", async () => {
    const { link, last } = aLink();
    last().open();
    await link.stop();
    expect(last().fulls.at(-1)).toMatchObject({ goodbye: true, seq: 2 });
    expect(last().closed).toBe(true);
  });

  test("is said by POST where that is the way", async () => {
    const { link, last, posts } = aLink();
    last().end({ kind: "refused", status: 404 });
    posts[0]?.answer(accepted());
    await settle();
    const stopped = link.stop();
    posts[1]?.answer(accepted());
    await stopped;
    expect(posts[1]?.beat).toMatchObject({ goodbye: true });
  });

  test("waits for no queen longer than a second, and nothing is sent afterwards", async () => {
    const { link, last, clock } = aLink();
    last().open();
    last().closed = true;
    const stopped = link.stop();
    clock.advance(1_000);
    await stopped;
    const { length } = last().sent;
    link.changed();
    clock.advance(60_000);
    expect(last().sent).toHaveLength(length);
  });

  test("to a queen that was never reached is not tried", async () => {
    const { link, last, clock, connections } = aLink();
    last().end({ kind: "unreachable", message: "ECONNREFUSED" });
    await link.stop();
    clock.advance(60_000);
    expect(connections).toHaveLength(1);
  });
});
