#!/usr/bin/env node
import { runAgent } from "@hive-registry/hive";
import { runWord } from "./words.ts";

const [node = "", file = "", word = "", ...rest] = process.argv;
if (word === "agent") {
  process.exit(await runAgent([node, file, ...rest]));
} else {
  // Not by process.exit: what was printed must have left first.
  process.exitCode = await runWord(word, rest);
}
