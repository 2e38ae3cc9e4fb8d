#!/usr/bin/env node
import { runAgent } from "@hive-registry/hive";
import { runWord } from "./words.ts";

const [node = "", file = "", word = "", ...rest] = process.argv;
if (word === "agent") process.exit(await runAgent([node, file, ...rest]));
const code = await runWord(file, word, rest);
// A hive may leave something open. What a word printed must have left first.
if (word === "service") process.exit(code);
process.exitCode = code;
