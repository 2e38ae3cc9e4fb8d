import { describe, expect, test } from "vitest";
import { HiveError } from "./errors.ts";
import { LABELS_MAX, labelsOf } from "./labels.ts";
import { ReleaseQuerySchema, ReserveBodySchema } from "./reservations.ts";
import { explainedRequest, RouteQuerySchema } from "./routing.ts";
import { coerce, compile } from "./validate.ts";

const routeQuery = compile(RouteQuerySchema);
const asQuery = (query: object) => routeQuery.parse(coerce(RouteQuerySchema, query));

describe("a question for the best worker", () => {
  test("becomes a request for a place when it is to be explained", () => {
    const query = asQuery({
      ...{ model: "m", explain: "true", policy: "session", backend: "cuda", hive_id: "desk", session: "ada" },
      ...{ label: ["zone=eu", "note=a=b"], exclude: "rack/w1" },
    });
    expect(explainedRequest(query)).toEqual({
      ...{ model: "m", policy: "session", backend: "cuda", hive_id: "desk", session: "ada" },
      ...{ labels: { zone: "eu", note: "a=b" }, exclude: ["rack/w1"] },
    });
    expect(explainedRequest(asQuery({ model: "m", explain: "true", label: "zone=" }))).toEqual({
      ...{ model: "m", labels: { zone: "" } },
    });
  });

  test.each([
    ["a wish that would not be met without explain", { model: "m", backend: "cuda" }],
    ["a policy that there is not", { model: "m", explain: "true", policy: "worst" }],
    ["a label without a value", { model: "m", explain: "true", label: "zone" }],
    ["a label's name with a space", { model: "m", explain: "true", label: "a b=c" }],
    ["too many labels", { model: "m", explain: "true", label: Array.from({ length: LABELS_MAX + 1 }, () => "a=b") }],
    ["explain that is no yes and no no", { model: "m", explain: "maybe" }],
  ])("%s is refused", (_, query) => {
    expect(() => asQuery(query)).toThrow(HiveError);
  });
});

describe("a request for a place", () => {
  const body = compile(ReserveBodySchema);

  test("may want labels, and may exclude a worker with its hive", () => {
    const wide = `${"h".repeat(128)}/${"w".repeat(128)}`;
    expect(body.check({ model: "m", labels: { "site/room": "attic" }, exclude: ["w1", "rack/w1", wide] })).toBe(true);
  });

  test.each([
    ["too many labels", { labels: labelsOf(Array.from({ length: LABELS_MAX + 1 }, (_, at) => `key-${at}=v`)) }],
    ["a label that is no text", { labels: { zone: 7 } }],
    ["a label with a long value", { labels: { zone: "x".repeat(257) } }],
    ["a label of JavaScript's", { labels: JSON.parse('{"__proto__": "x"}') }],
    ["an unknown wish", { lables: { zone: "eu" } }],
  ])("%s is refused", (_, wish) => {
    expect(body.check({ model: "m", ...wish })).toBe(false);
  });
});

test("a place ends ok, by an error, or cancelled, and in no other way", () => {
  const outcome = compile(ReleaseQuerySchema);
  for (const one of ["ok", "error", "cancelled"]) expect(outcome.check({ outcome: one })).toBe(true);
  expect(outcome.check({})).toBe(true);
  expect(outcome.check({ outcome: "fine" })).toBe(false);
});
