import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalModelName } from "./normal-name.ts";

describe("the normal form of a model's name", () => {
  test.each([
    ["Llama-3-8B", "llama-3-8b", "capitals"],
    ["  llama-3-8b ", "llama-3-8b", "blanks around it"],
    ["meta-llama/Llama-3-8B", "llama-3-8b", "an organisation"],
    ["hf.co/bartowski/Qwen2.5-7B-Instruct-GGUF:latest", "qwen2.5-7b-instruct", "a registry, a packing and a tag"],
    ["/models/qwen2.5-7b-instruct.gguf", "qwen2.5-7b-instruct", "a folder and a file's ending"],
    ["llama3.1:latest", "llama3.1", "the tag that says nothing"],
    ["llama3.1:8b", "llama3.1:8b", "not a tag that tells the size"],
    ["llama3.1:8b-instruct-q4_K_M", "llama3.1:8b-instruct", "a quantisation within a tag"],
    ["llama-3-8b.Q4_K_M.gguf", "llama-3-8b", "a quantisation before the ending"],
    ["llama-3-8b-Q8_0", "llama-3-8b", "Q8_0"],
    ["llama-3-8b.q4_0", "llama-3-8b", "q4_0"],
    ["llama-3-8b-IQ2_XXS", "llama-3-8b", "IQ2_XXS"],
    ["llama-3-8b-UD-Q4_K_XL", "llama-3-8b", "a dynamic quantisation"],
    ["llama-3-8b-TQ1_0", "llama-3-8b", "a ternary one"],
    ["llama-3-8b@q6_k", "llama-3-8b", "after an at sign"],
    ["llama-3-8b-AWQ", "llama-3-8b", "AWQ"],
    ["Llama-3-8B-GPTQ-Int4", "llama-3-8b", "two suffixes"],
    ["llama-3-8b-FP8-dynamic", "llama-3-8b", "FP8"],
    ["llama-3-8b-bf16", "llama-3-8b", "bf16"],
    ["llama-3-8b_f16", "llama-3-8b", "f16"],
    ["llama-3-8b-bnb-4bit", "llama-3-8b", "bitsandbytes"],
    ["mlx-community/Llama-3-8B-8bit", "llama-3-8b", "bits"],
    ["llama-3-8b-w4a16", "llama-3-8b", "weights and activations"],
    ["gpt-oss-120b-MXFP4", "gpt-oss-120b", "MXFP4"],
    ["llama-3-70b-Q4_K_M-00001-of-00003.gguf", "llama-3-70b", "a file in parts"],
    ["llama-3-8b.safetensors", "llama-3-8b", "safetensors"],
    ["llama-3-8b-instruct", "llama-3-8b-instruct", "nothing that tells models apart"],
    ["phi-4", "phi-4", "no number that only looks like bits"],
    ["text-embedding-3-small", "text-embedding-3-small", "nothing of a plain name"],
    ["q4_k_m", "q4_k_m", "nothing that would leave no name"],
    [":latest", ":latest", "no tag alone"],
    ["org/", "org/", "no organisation alone"],
    ["", "", "nothing of nothing"],
  ])("%s is %s: %s", (name, normal) => {
    expect(normalModelName(name)).toBe(normal);
  });

  test("is its own normal form, whatever the name", () => {
    const part = fc.constantFrom(
      ..."/ - _ . : @ A q4_K_M latest gguf Q8_0 AWQ int4 fp8 -00001-of-00002 llama ud- 8bit İ Σ".split(" "),
    );
    const name = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(part).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(name, (any) => {
        const normal = normalModelName(any);
        expect(normalModelName(normal)).toBe(normal);
        expect(normal === "").toBe(any.trim() === "");
      }),
      { numRuns: 2_000 },
    );
  });
});
