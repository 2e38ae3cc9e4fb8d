#!/usr/bin/env node
import { type Children, startChildren } from "./children.ts";
import { type Emulator, startEmulator } from "./emulator.ts";
import { type Flags, readFlags, USAGE } from "./flags.ts";
import { KINDS } from "./kinds/kinds.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** How soon it notices that its parent is gone, ms. */
const PARENT_EVERY_MS = 500;

const ending = new AbortController();
const stop = (): void => ending.abort();
const stopped = new Promise<void>((resolve) => ending.signal.addEventListener("abort", () => resolve()));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);
// Whoever forked it is gone.
process.on("disconnect", stop);

/** Whose parent ends is given to another. */
function watchParent(): void {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(), PARENT_EVERY_MS).unref();
}

function flagsOrExit(): Flags | undefined {
  try {
    return readFlags(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${wordsOf(error)}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

async function run({ kind, children: count, exitWithParent, options }: Flags): Promise<void> {
  if (exitWithParent) watchParent();
  const models = options.models ?? ["model"];
  const names = Array.from({ length: count }, (_, at) => models[at % models.length] ?? "model");
  let children: Children | undefined;
  let emulator: Emulator | undefined;
  try {
    if (count > 0) children = await startChildren(new URL(import.meta.url), { models: names });
    emulator = await startEmulator(kind, { ...options, children: children?.urls ?? [] });
    // Of a silent one nobody could use the address before.
    if (emulator.status().state === "loading" && KINDS[kind].silentWhileLoading === true) {
      process.stderr.write(`loading; ${emulator.url} opens after that\n`);
      await Promise.race([emulator.ready(), stopped]);
    }
    if (!ending.signal.aborted) process.stdout.write(`listening on ${emulator.url}\n`);
    await stopped;
  } finally {
    await emulator?.stop();
    await children?.stop();
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const flags = flagsOrExit();
if (flags === undefined) process.stdout.write(USAGE);
else {
  await run(flags).catch((error: unknown) => {
    process.stderr.write(`${wordsOf(error)}\n`);
    process.exitCode = EXIT_FAILED;
  });
  // An answer that is only late must not keep it alive.
  process.exit();
}
