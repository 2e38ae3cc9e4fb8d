import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memberFinder } from "./json-members.ts";

const found = (text: string, ...names: string[]) => {
  const json = Buffer.from(text);
  const members = memberFinder(names)(json);
  return (
    members &&
    Object.fromEntries(
      [...members].map(([name, spans]) => [name, spans.map(({ start, end }) => json.toString("utf8", start, end))]),
    )
  );
};

describe("members of the outermost object", () => {
  test.each([
    ['{"model":"a"}', { model: ['"a"'] }],
    [' {\n"model" :\t"a" , "x":[{"model":"b"}]}\r\n', { model: ['"a"'] }],
    [
      '{"x":{"model":"b"},"model":{"a":[1,-2.5e+3,true,false,null,"]}"]}}',
      { model: ['{"a":[1,-2.5e+3,true,false,null,"]}"]}'] },
    ],
    ['{"x":"\\"model\\":1","model":"q\\\\"}', { model: ['"q\\\\"'] }],
    ['{"model":1,"model":2}', { model: ["1", "2"] }],
    ["{}", {}],
    ['{"modeln":1,"mode":2,"":3}', {}],
    ['{"x":[],"y":{},"model":"ü漢"}', { model: ['"ü漢"'] }],
  ])("of %s", (text, members) => {
    expect(found(text, "model")).toEqual(members);
  });

  test.each([
    ...[
      "",
      " ",
      "null",
      "[]",
      '"model"',
      "{",
      '{"model"',
      '{"model":',
      '{"model":"a"',
      '{"model":"a"}}',
      '{"a":1,}',
      "{,}",
    ],
    ...[
      '{"a":[1,]}',
      '{"a":[1 2]}',
      '{"a" "b"}',
      "{'a':1}",
      '{"a":01}',
      '{"a":1.}',
      '{"a":+1}',
      '{"a":tru}',
      '{"a":[}]',
    ],
    ...['{"a":{"b"}}', '{"a":"x\\"}', '{"a":undefined}', '{"a":NaN}', '{"a":1}x', "a=b", '{"a":{1:2}}'],
  ])("are not to be had in %s", (text) => {
    expect(() => JSON.parse(text) as unknown).toSatisfy((parse: () => unknown) => {
      try {
        return typeof parse() !== "object" || parse() === null || Array.isArray(parse());
      } catch {
        return true;
      }
    });
    expect(found(text, "a")).toBeUndefined();
  });

  test("are found behind long strings with quotes and backslashes at every place", () => {
    for (let length = 0; length < 80; length++) {
      for (const end of ['\\"', "\\\\", '\\\\\\"', '\\"\\"', "\\\\\\\\"]) {
        const text = `{"x":"${"x".repeat(length)}${end}","model":"a"}`;
        JSON.parse(text);
        expect([text, found(text, "model")]).toEqual([text, { model: ['"a"'] }]);
        expect(found(`{"x":"${"x".repeat(length)}${end}`, "model")).toBeUndefined();
      }
    }
  });

  test("have an end: what is nested too deeply is no request", () => {
    const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(found(nested(1_000), "a")).toBeDefined();
    expect(found(nested(100_000), "a")).toBeUndefined();
  });

  test("are where JSON.parse finds them, in whatever JSON there is", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.constantFrom("model", "stream", "a"), fc.string()), fc.jsonValue()),
        fc.constantFrom(undefined, 1, "\t"),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          const parsed = Object.entries(found(text, "model", "stream") ?? {}).map(([name, [span]]) => [
            name,
            JSON.parse(span as string),
          ]);
          const { model, stream } = JSON.parse(text) as Record<string, unknown>;
          const both = { ...(model === undefined ? {} : { model }), ...(stream === undefined ? {} : { stream }) };
          expect(Object.fromEntries(parsed)).toEqual(both);
        },
      ),
    );
  });

  test("are never found in what JSON.parse refuses for its structure", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom("", ",", "}", "]", "{", "[", ":", "0", "x"),
        (value, at, put) => {
          const text = JSON.stringify({ a: value, b: 1 });
          const place = at % (text.length + 1);
          const broken = text.slice(0, place) + put + text.slice(place + 1);
          let isJson = true;
          try {
            JSON.parse(broken);
          } catch {
            isJson = false;
          }
          // Broken strings are for the worker to judge.
          if (!isJson && !broken.includes("\\")) expect(found(broken, "a")).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });
});
