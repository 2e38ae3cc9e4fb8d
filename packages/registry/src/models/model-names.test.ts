import { describe, expect, test } from "vitest";
import { ModelNames } from "./model-names.ts";
import { COMPARED_MAX } from "./near-names.ts";

function aList(...models: string[]): ModelNames<number> {
  const names = new ModelNames<number>();
  for (const [group, model] of models.entries()) names.add(model, group);
  return names;
}

describe("a name means", () => {
  test("the model of exactly this name alone, whoever else is like it", () => {
    expect(aList("llama-3-8b", "Llama-3-8B-Q4_K_M").resolve("llama-3-8b")).toEqual([0]);
  });

  test("else all models of the same normal form", () => {
    const names = aList("org/Llama-3-8B", "llama-3-8b.q8_0.gguf", "llama-3-70b");
    expect(names.resolve("llama-3-8b:latest")).toEqual([0, 1]);
    names.remove("org/Llama-3-8B");
    expect(names.resolve("llama-3-8b:latest")).toEqual([1]);
    names.remove("llama-3-8b.q8_0.gguf");
    expect(names.resolve("llama-3-8b:latest")).toEqual([]);
  });

  test("what its alias says, before normal forms and after exact names", () => {
    const names = aList("gpt-4o-Q8_0", "llama-3-70b", "qwen-7b", "exact");
    names.setAliases({ "gpt-4o": "llama-3-70b", fast: ["qwen-7b", "LLAMA-3-70B", "gone"], exact: "qwen-7b" });
    expect(names.resolve("gpt-4o")).toEqual([1]);
    expect(names.resolve("fast")).toEqual([2, 1]);
    expect(names.resolve("exact")).toEqual([3]);
  });

  test("never what another alias says, and its own normal form where an alias leads nowhere", () => {
    const names = aList("qwen-7b", "small-Q8_0");
    names.setAliases({ a: "b", b: "qwen-7b", small: "gone" });
    expect(names.resolve("a")).toEqual([]);
    expect(names.resolve("small")).toEqual([1]);
  });

  test("nothing strange where it is the name of something of JavaScript's", () => {
    const names = aList("qwen-7b");
    names.setAliases({ x: "qwen-7b" });
    for (const name of ["__proto__", "constructor", "toString"]) expect(names.resolve(name)).toEqual([]);
  });
});

test("a table of aliases that names no models is refused, and the one before stays", () => {
  const names = aList("qwen-7b");
  names.setAliases({ fast: "qwen-7b" });
  expect(() => names.setAliases({ fast: [7] } as never)).toThrow(/aliases\.fast must name models/);
  expect(names.resolve("fast")).toEqual([0]);
});

describe("near misses", () => {
  const names = aList("llama-3-8b-instruct", "llama-3-70b-instruct", "qwen2.5-7b", "nomic-embed-text", "phi-4");

  test.each([
    ["lama-3-8b-instruct", ["llama-3-8b-instruct", "llama-3-70b-instruct"]],
    ["qwen", ["qwen2.5-7b"]],
    ["Qwen2.5-7B-Instruct", ["qwen2.5-7b"]],
    ["nomic", ["nomic-embed-text"]],
    ["phi-3", ["phi-4"]],
    ["something else", []],
    ["", []],
  ])("of %s are %j", (name, near) => {
    expect(names.near(name, 5)).toEqual(near);
  });

  test("are as few as asked for, and of a huge fleet only some models are compared", () => {
    expect(names.near("llama-3-8b-instruct-x", 1)).toEqual(["llama-3-8b-instruct"]);
    const many = aList(...Array.from({ length: COMPARED_MAX + 1 }, (_, at) => `model-${at}`));
    expect(many.near("model-1", 3)).toHaveLength(3);
    expect(many.near(`model-${COMPARED_MAX}`, 1)).not.toEqual([`model-${COMPARED_MAX}`]);
  });
});
