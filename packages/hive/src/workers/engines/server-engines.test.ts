import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KEPT_FOR_PROBES } from "./kept.ts";
import type { ServerEngine } from "./server-engine.ts";
import { recognise, SERVER_ENGINES } from "./server-engines.ts";
import { aServer, aServerInMind } from "./testing/a-server.ts";
import { expectWellFormed } from "./testing/expect-well-formed.ts";
import { but, type Page, type Pages, type Samples } from "./testing/sample.ts";
import { ALL_SAMPLES } from "./testing/samples/all.ts";

/** Questions that one probe may cost a server, once what seldom changes is known. */
const QUESTIONS_PER_PROBE_MAX = 3;
/** A path that computes tokens on one kind of server. */
const COSTLY = { engine: "sglang", path: "/health" };

const engineOf = ({ engine }: Samples): ServerEngine =>
  SERVER_ENGINES.find(({ name }) => name === engine) as ServerEngine;

/** What a server might say instead of what its kind says. */
const FOREIGN: readonly (readonly [string, Page])[] = [
  ["a web page", { headers: { "content-type": "text/html" }, body: "<!doctype html><h1>Hello</h1>" }],
  ["nothing", { body: "" }],
  ["JSON that ends too soon", { body: '{"object":"list","data":[{"id":' }],
  ["null", { body: null }],
  ["a number", { body: 7 }],
  ["an empty list", { body: [] }],
  ["an empty object", { body: {} }],
  ["what every path of it answers", { body: { name: "some service", version: "1.0.0", status: "ok" } }],
  ["five megabytes", { body: `{"data":"${"x".repeat(5 * 1024 * 1024)}"}` }],
  ["a teapot", { status: 418, body: "short and stout" }],
  ["a redirect", { status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" }],
];

describe.each(ALL_SAMPLES.map((samples) => [samples.engine, samples] as const))("%s", (name, samples) => {
  const engine = engineOf(samples);
  const { ready, loading, busy, locked, broken } = samples;
  const recognisable = Object.entries({ ready, loading, busy, locked }).filter(
    ([, situation]) => situation !== undefined,
  );

  test("has samples that name their source", () => {
    expect(samples.source.length).toBeGreaterThan(20);
  });

  test.each(recognisable)("is taken for what it is, and for nothing else, when it is %s", async (_, situation) => {
    const { server, asked } = await aServer((situation ?? ready).pages);
    expect((await recognise(server))?.name).toBe(name);
    expect(new Set(asked).size).toBe(asked.length);
    if (name === COSTLY.engine) expect(asked).not.toContain(`GET ${COSTLY.path}`);
  });

  test.each(
    Object.entries({ ready, loading, busy, locked, broken }).filter(([, situation]) => situation !== undefined),
  )("is read as what it is when it is %s", async (_, situation) => {
    const { pages, probe } = situation ?? ready;
    const { server } = await aServer(pages);
    const read = await engine.probe(server);
    expect(read).toMatchObject(probe);
    expectWellFormed(read!);
    if (probe.state !== "ready") expect(read?.message).toMatch(/^It|^What it/);
  });

  test("tells all it knows when it is ready, and null for what it does not", async () => {
    const { server } = await aServer(ready.pages);
    expect(await engine.probe(server)).toEqual(ready.probe);
  });

  test("costs few questions, all of them GET, and none that computes a token", async () => {
    const { server, asked } = await aServer((busy ?? ready).pages);
    await engine.probe(server);
    const first = asked.length;
    expect(first).toBeLessThanOrEqual(QUESTIONS_PER_PROBE_MAX + 2);
    const probes = KEPT_FOR_PROBES * 2;
    for (let probe = 0; probe < probes; probe += 1) await engine.probe(server);
    expect((asked.length - first) / probes).toBeLessThanOrEqual(QUESTIONS_PER_PROBE_MAX + 0.5);
    expect(asked.filter((question) => !question.startsWith("GET "))).toEqual([]);
    if (name === COSTLY.engine) expect(asked).not.toContain(`GET ${COSTLY.path}`);
  });

  test("is away when it does not answer, and back when it does", async () => {
    const { server, stop } = await aServer(ready.pages);
    expect((await engine.probe(server))?.state).toBe("ready");
    await stop();
    expect(await engine.probe(server)).toBeUndefined();
    expect(await recognise(server)).toBeUndefined();
  });

  test("that was in trouble is read anew when that is over", async () => {
    const story = await aServer(ready.pages);
    await engine.probe(story.server);
    story.answer({ otherwise: { status: 500, body: "" } });
    expect((await engine.probe(story.server))?.state).not.toBe("ready");
    story.answer(ready.pages);
    expect(await engine.probe(story.server)).toEqual(ready.probe);
  });

  test.each(FOREIGN)("is no reason to fail when one of its paths, or all of them, answer %s", async (_, foreign) => {
    const paths = Object.keys(ready.pages).filter((path) => path !== "otherwise");
    const { server, answer } = await aServer(ready.pages);
    for (const pages of [...paths.map((path) => but(ready.pages, { [path]: foreign })), { otherwise: foreign }]) {
      answer(pages);
      const read = await engine.probe(server);
      if (read !== undefined) expectWellFormed(read);
      await recognise(server);
    }
  });

  test("is never ready when it answers everything with what is foreign to it", async () => {
    for (const [, foreign] of FOREIGN) {
      const { server } = await aServer({ otherwise: foreign });
      expect((await engine.probe(server))?.state).not.toBe("ready");
      expect(await recognise(server)).toBeUndefined();
    }
  });

  test("gets the key with every question, and no probe has it, though the server repeats it", async () => {
    const key = "sk-very-secret";
    const repeats: Page = { status: 401, body: { error: { message: `Wrong key: ${key}`, type: "x" } } };
    const { server, answer, keys } = await aServer(ready.pages, { key });
    const read = [await engine.probe(server)];
    for (const status of [401, 403, 500, 503]) {
      answer({ otherwise: { ...repeats, status } });
      read.push(await engine.probe(server));
    }
    expect(new Set(keys)).toEqual(new Set([`Bearer ${key}`]));
    expect(JSON.stringify(read)).not.toContain(key);
  });
});

describe("whatever a server answers", () => {
  const PATHS = [...new Set(ALL_SAMPLES.flatMap(({ ready }) => Object.keys(ready.pages)))];
  const aHeader = fc.constantFrom("llama.cpp", "BaseHTTP/0.6 Python/3.12.4", "uvicorn", "nginx", "");
  const anyPage = fc.record({
    status: fc.constantFrom(200, 200, 200, 204, 400, 401, 404, 500, 501, 503),
    headers: fc.record({ server: aHeader, "www-authenticate": fc.constantFrom("", 'Basic realm="llama-swap"') }),
    body: fc.oneof(fc.jsonValue(), fc.string()),
  });
  const anyPages = fc
    .tuple(anyPage, fc.dictionary(fc.constantFrom(...PATHS), anyPage))
    .map(([otherwise, pages]): Pages => ({ ...pages, otherwise }));

  /** A sample with one value in it replaced by any other. */
  const nearlyRight = fc
    .tuple(fc.constantFrom(...ALL_SAMPLES), fc.nat(), fc.nat(), fc.jsonValue())
    .map(([{ ready, busy }, path, place, value]): Pages => {
      const { pages } = busy ?? ready;
      const paths = Object.keys(pages);
      const chosen = paths[path % paths.length] ?? "otherwise";
      const { body, ...rest } = pages[chosen] ?? pages.otherwise;
      return but(pages, { [chosen]: { ...rest, body: withOther(body, place, value) } });
    });

  test.each([
    ["anything", anyPages],
    ["something nearly right", nearlyRight],
  ])("recognising and reading it never fails, and gives only what a heartbeat can carry: %s", async (_, pages) => {
    await fc.assert(
      fc.asyncProperty(pages, async (some) => {
        const found = await recognise(aServerInMind(some));
        expect(found === undefined || SERVER_ENGINES.includes(found)).toBe(true);
        for (const engine of SERVER_ENGINES) {
          const read = await engine.probe(aServerInMind(some));
          if (read !== undefined) expectWellFormed(read);
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** The same value, but for one place in it, counted from its beginning. */
function withOther(value: unknown, place: number, other: unknown): unknown {
  let left = place % countPlaces(value);
  const walk = (part: unknown): unknown => {
    left -= 1;
    if (left === -1) return other;
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, walk(inner)]));
  };
  return walk(value);
}

function countPlaces(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return 1 + Object.values(value).reduce<number>((sum, inner) => sum + countPlaces(inner), 0);
}
