#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { EXIT, explain } from "./failure.ts";
import { handlers } from "./handlers.ts";
import { program } from "./program.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

// Whoever read the answer has gone (`hive ls | head -1`): there is nobody left to answer. Servers are ended in order.
process.stdout.on("error", () => {
  if (process.listenerCount("SIGTERM") > 0) process.kill(process.pid, "SIGTERM");
  else process.exit(EXIT.done);
});
process.stderr.on("error", () => undefined);

try {
  await program(handlers(), version).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has told its reason. Asking for help or the version is no mistake; leaving the command out is one.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    const { text, exitCode } = explain(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  }
}
