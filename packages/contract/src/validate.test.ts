import { Type } from "typebox";
import { describe, expect, test } from "vitest";
import { type Schema, shape } from "./schema.ts";
import { coerce, compile, ERROR_DETAILS_MAX } from "./validate.ts";

interface Query {
  readonly limit?: number;
  readonly share?: number;
  readonly all?: boolean;
  readonly model?: string;
}
const QuerySchema: Schema<Query> = shape<Query>()(
  Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    share: Type.Optional(Type.Number()),
    all: Type.Optional(Type.Boolean()),
    model: Type.Optional(Type.String()),
  }),
);
const query = compile(QuerySchema);

describe("the texts of a query", () => {
  test("become what the schema asks for", () => {
    const sent = { limit: "10", share: "-0.5", all: "false", model: "7", other: "7" };
    expect(coerce(QuerySchema, sent)).toEqual({ limit: 10, share: -0.5, all: false, model: "7", other: "7" });
  });

  test.each([
    { limit: "" },
    { limit: " 5" },
    { limit: "5.5" },
    { limit: "0x10" },
    { limit: "1e3" },
    { limit: "true" },
    { limit: ["1", "2"] },
    { share: "NaN" },
    { share: "Infinity" },
    { all: "1" },
    { all: "" },
    { model: ["a", "b"] },
  ])("are refused by name when they are something else: %j", (sent) => {
    expect(query.errors(coerce(QuerySchema, sent))).toMatchObject([{ path: `/${Object.keys(sent)[0]}` }]);
  });

  test("may have any name", () => {
    const sent = JSON.parse('{"__proto__":"1","constructor":"1","limit":"1"}');
    expect(JSON.stringify(coerce(QuerySchema, sent))).toBe('{"__proto__":"1","constructor":"1","limit":1}');
  });
});

test("what is wrong is told by name, and not endlessly", () => {
  expect(() => query.parse({ limit: -1 })).toThrow("The request is not valid: /limit must be >= 0");
  const list = compile(Type.Unsafe<number[]>(Type.Array(Type.Number())));
  const wrong = list.errors(Array.from({ length: 1_000 }, () => "x"));
  expect(wrong[0]).toEqual({ path: "/0", message: "must be number" });
  expect(wrong.length).toBeLessThanOrEqual(ERROR_DETAILS_MAX);
  expect(list.errors([1])).toEqual([]);
});
