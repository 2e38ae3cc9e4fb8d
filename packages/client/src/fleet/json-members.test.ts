import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findMembers, stringAt, withString } from "./json-members.ts";

const modelIn = (text: string) => stringAt(text, findMembers(text, ["model"]).get("model"));

describe("members of a JSON body", () => {
  test("are the outermost object's own, wherever they stand", () => {
    expect(modelIn('{"model":"a"}')).toBe("a");
    expect(modelIn(' {\n "stream" : true , "model" :\t"a/b:c" }')).toBe("a/b:c");
    expect(modelIn('{"tools":[{"model":"no"}],"meta":{"model":"no"},"x":"model","model":"yes"}')).toBe("yes");
    expect(modelIn('{"prompt":"say \\"model\\": \\"no\\"\\\\","model":"ye\\u0073"}')).toBe("yes");
    expect(modelIn('{"model":"first","model":"second"}')).toBe("first");
  });

  test("are not there in what is no object, and a model that is no string is none", () => {
    const texts = ["", "x", "[]", '"model"', "{}", '{"model":1}', '{"model":null}', '{"model"', '{"model":"a'];
    for (const text of [...texts, '[{"model":"a"}]', '{model:"a"}', '{"a":,"model":"a"}', '{"a" "model":"a"}']) {
      expect(modelIn(text), text).toBeUndefined();
    }
  });

  test("can be replaced, and everything else stays to the last digit", () => {
    const text = '{"seed":12345678901234567890, "model":"a","temperature":1.0}';
    const spot = findMembers(text, ["model"]).get("model");
    expect(spot && withString(text, spot, 'b"')).toBe(
      '{"seed":12345678901234567890, "model":"b\\"","temperature":1.0}',
    );
  });

  test("are what JSON.parse finds, in any object, however it is indented", () => {
    const object = fc.tuple(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.option(fc.string()),
      fc.jsonValue(),
      fc.nat(3),
    );
    fc.assert(
      fc.property(object, ([rest, name, input, indent]) => {
        const { model: _model, input: _input, ...others } = rest;
        const whole = name === null ? others : { ...others, input, model: name, after: others };
        const text = JSON.stringify(whole, null, indent);
        const found = findMembers(text, ["model", "input"]);
        expect(stringAt(text, found.get("model"))).toBe(name ?? undefined);
        const spans = found.get("input");
        expect(spans && JSON.parse(text.slice(spans.from, spans.to))).toEqual(
          name === null ? undefined : JSON.parse(JSON.stringify(input)),
        );
        const spot = found.get("model");
        if (spot !== undefined) {
          expect(JSON.parse(withString(text, spot, "other"))).toEqual({ ...JSON.parse(text), model: "other" });
        }
      }),
    );
  });
});
