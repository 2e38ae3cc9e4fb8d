#!/usr/bin/env node
import { createLog, type Log, stopSignals } from "@hive-registry/command";
import { DEMO_MODEL_ID, ensureDemoModel } from "./demo/demo-model.ts";
import { loadLlamaEngine } from "./engine/load.ts";
import { EXIT_CODE, FATAL_EXIT_CODE, FatalError } from "./fatal.ts";
import { readCommandLine } from "./options.ts";
import { watchParent } from "./parent.ts";
import { startWorker } from "./worker.ts";

/** Writes why to the log and, for whoever reads only the last line, to the end of stderr. Ends the process. */
function die(log: Log, error: unknown): never {
  const fatal =
    error instanceof FatalError
      ? error
      : new FatalError("INTERNAL", error instanceof Error ? error.message : String(error), { cause: error });
  const details = fatal.code === "INTERNAL" ? { err: fatal.cause } : {};
  log.fatal({ code: fatal.code, ...details }, fatal.message);
  process.stderr.write(`fatal: ${fatal.code}: ${fatal.message.replaceAll("\n", " ")}\n`);
  process.exit(FATAL_EXIT_CODE[fatal.code]);
}

async function main(): Promise<void> {
  const log = createLog("worker", "info");
  process.on("uncaughtException", (error) => die(log, error));
  try {
    const read = readCommandLine(
      { env: process.env, print: (text) => process.stdout.write(text) },
      process.argv.slice(2),
    );
    if (read === undefined) return;
    log.level = read.logLevel;
    const modelPath = read.modelPath === DEMO_MODEL_ID ? (await ensureDemoModel()).path : read.modelPath;
    const options = { ...read, modelPath };

    const worker = await startWorker(
      { log, loadEngine: () => loadLlamaEngine({ log }, options), fetch, now: Date.now },
      options,
    );
    const stop = (why: string): void => {
      log.info({ why }, "stopping");
      // The operating system frees what the engine holds, and faster.
      void worker.stop().then(() => process.exit(EXIT_CODE.done));
    };
    const asked = stopSignals();
    void asked.first.then(() => stop("it was asked to"));
    void asked.second.then(() => process.exit(EXIT_CODE.failed));
    if (options.exitWithParent) {
      watchParent({ stdin: process.stdin, ppid: () => process.ppid }, () => stop("the parent process is gone"));
    }
    await worker.ready;
    log.info({ model: options.modelPath, slots: options.slots }, "model loaded");
    process.stdout.write(`listening on ${worker.url}\n`);
  } catch (error) {
    die(log, error);
  }
}

await main();
