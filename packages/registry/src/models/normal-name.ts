/**
 * What a model is called when everything is left out that only says how it was packed or where it lies. Two names with the
 * same normal form mean the same model, unless somebody has exactly the one that was asked for.
 *
 * In this order, again and again until nothing changes:
 * 1. capitals become small letters, blanks around the name go;
 * 2. what stands before the last `/` goes: an organisation, a registry, a folder;
 * 3. the tag `:latest` goes; any other tag stays, for it tells sizes and variants apart;
 * 4. `.gguf` and `.safetensors` go, and `-00001-of-00003` of a file in parts;
 * 5. one suffix that names a quantisation or a packing goes, with the `-`, `_`, `.`, `:` or `@` before it:
 *    `q4_k_m`, `q8_0`, `iq2_xxs`, `ud-q4_k_xl`, `tq1_0`, `awq`, `gptq`, `fp8`, `fp8-dynamic`, `bf16`, `f16`, `int4`, `4bit`, `w4a16`,
 *    `bnb-4bit`, `nf4`, `mxfp4`, `nvfp4`, `exl2`, `gguf`, `ggml`, `mlx`.
 *
 * Nothing goes that would leave no name. So `Org/Llama-3-8B-Instruct-GGUF`, `llama-3-8b-instruct.Q4_K_M.gguf` and
 * `llama-3-8b-instruct:latest` are one model; `llama-3-8b` and `llama-3-8b-instruct` are two.
 */
export function normalModelName(name: string): string {
  let normal = name;
  for (;;) {
    const shorter = strip(normal.toLowerCase().trim());
    if (shorter === normal) return normal;
    normal = shorter;
  }
}

const PARTS = /-\d{5}-of-\d{5}$/;
const FILE_ENDING = /\.(?:gguf|safetensors)$/;
const QUANTISATION = [
  "(?:ud-)?i?q[1-8](?:_[0-9a-z]{1,4}){0,4}",
  "tq[12]_0",
  "(?:fp|mxfp|nvfp|nf|int)[48](?:-dynamic)?",
  "b?f16|fp16|f32|fp32",
  "[2-8]bit|bnb(?:-4bit)?",
  "w[48]a(?:8|16)",
  "awq|gptq|exl[23]|gguf|ggml|mlx",
].join("|");
const PACKING = new RegExp(`[-_.:@](?:${QUANTISATION})$`);

/** One round of what may go. */
function strip(name: string): string {
  const last = name.slice(name.lastIndexOf("/") + 1);
  let left = last === "" ? name : last;
  for (const part of [/:latest$/, FILE_ENDING, PARTS, PACKING]) {
    const shorter = left.replace(part, "");
    if (shorter !== "") left = shorter;
  }
  return left;
}
