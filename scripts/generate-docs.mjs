// npm run docs: writes the documents that are made from the code. With --print it writes nothing, compiles nothing, and
// prints them as JSON: { "docs/reference/errors.md": "…", … }.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, install, requireNode, root } from "./prepare.mjs";

const print = process.argv.includes("--print");
requireNode();
if (!print) {
  install();
  build();
}
// Only now: it needs what was compiled.
const { documents } = await import("./documents.mjs");
const made = await documents();
if (print) {
  process.stdout.write(JSON.stringify(made));
} else {
  for (const [file, text] of Object.entries(made)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
    console.log(`${file}: ${text.split("\n").length - 1} lines`);
  }
}
