import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findModel, withModel } from "./json-model.ts";

describe("the model of a JSON body", () => {
  test("is the outermost object's own, wherever it stands", () => {
    expect(findModel('{"model":"a"}')?.model).toBe("a");
    expect(findModel(' {\n "stream" : true , "model" :\t"a/b:c" }')?.model).toBe("a/b:c");
    expect(findModel('{"tools":[{"model":"no"}],"meta":{"model":"no"},"x":"model","model":"yes"}')?.model).toBe("yes");
    expect(findModel('{"prompt":"say \\"model\\": \\"no\\"\\\\","model":"ye\\u0073"}')?.model).toBe("yes");
  });

  test("is not there where no string is, and what is no object has none", () => {
    for (const text of [
      "",
      "x",
      "[]",
      '"model"',
      "{}",
      '{"model":1}',
      '{"model":null}',
      '{"model"',
      '{"model":"a',
      '[{"model":"a"}]',
    ]) {
      expect(findModel(text), text).toBeUndefined();
    }
  });

  test("can be replaced, and everything else stays to the last digit", () => {
    const text = '{"seed":12345678901234567890, "model":"a","temperature":1.0}';
    const spot = findModel(text);
    expect(spot && withModel(text, spot, 'b"')).toBe('{"seed":12345678901234567890, "model":"b\\"","temperature":1.0}');
  });

  test("is what JSON.parse finds, in any object, however it is indented", () => {
    const object = fc.tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.option(fc.string()), fc.nat(3));
    fc.assert(
      fc.property(object, ([rest, name, indent]) => {
        const { model: _model, ...others } = rest;
        const whole = name === null ? others : { ...others, model: name, after: others };
        const text = JSON.stringify(whole, null, indent);
        const spot = findModel(text);
        expect(spot?.model).toBe(name ?? undefined);
        if (spot !== undefined)
          expect(JSON.parse(withModel(text, spot, "other"))).toEqual({ ...JSON.parse(text), model: "other" });
      }),
    );
  });
});
