#!/usr/bin/env node
import { parseArgs } from "node:util";
import { startEmulator } from "./emulator.ts";
import { EMULATOR_KINDS, type EmulatorKind, KINDS } from "./kinds/kinds.ts";

const USAGE = `Usage: main.js --engine KIND [--port N] [--slots N] [--queue N] [--models a,b] [--key K] [--load-ms N]
               [--first-token-ms N] [--tokens-per-second N] [--answer-tokens N] [--without /path,/path]

Answers on 127.0.0.1 as an inference server of the kind does: ${EMULATOR_KINDS.join(", ")}.
What it is told with POST /__emulator it is from then on; GET /__emulator tells how it stands.
`;

const TEXT = { type: "string" } as const;
const OPTIONS = {
  ...{ engine: TEXT, port: TEXT, slots: TEXT, queue: TEXT, models: TEXT, key: TEXT, "load-ms": TEXT },
  ...{ "first-token-ms": TEXT, "tokens-per-second": TEXT, "answer-tokens": TEXT, without: TEXT },
  help: { type: "boolean" },
} as const;

const PORT_MAX = 65_535;
const NUMBER_MAX = 1_000_000_000;

/** @throws {TypeError} for a text that is no such number. */
function whole(name: string, text: string | undefined, min: number, max = NUMBER_MAX): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new TypeError(`--${name} takes a whole number from ${min} to ${max}`);
}

const list = (text: string | undefined): string[] | undefined => text?.split(",").filter((one) => one !== "");

function die(status: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(status);
}

async function main(): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
  const { values } = parseArgs({ options: OPTIONS, strict: true });
  if (values.help) return void process.stdout.write(USAGE);
  const kind = EMULATOR_KINDS.find((one): one is EmulatorKind => one === values.engine);
  if (kind === undefined) throw new TypeError(`--engine takes one of ${EMULATOR_KINDS.join(", ")}`);
  const given = {
    port: whole("port", values.port, 0, PORT_MAX),
    slots: whole("slots", values.slots, 1),
    queueMax: whole("queue", values.queue, 0),
    loadMs: whole("load-ms", values["load-ms"], 0),
    firstTokenMs: whole("first-token-ms", values["first-token-ms"], 0),
    tokensPerSecond: whole("tokens-per-second", values["tokens-per-second"], 1),
    answerTokens: whole("answer-tokens", values["answer-tokens"], 1),
    models: list(values.models),
    without: list(values.without),
    key: values.key,
  };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const emulator = await startEmulator(kind, options);
  if (KINDS[kind].silentWhileLoading) await Promise.race([emulator.ready(), stopped]);
  process.stdout.write(`listening on ${emulator.url}\n`);
  await stopped;
  await emulator.stop();
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TypeError) die(2, `${message}\n\n${USAGE}`);
  die(1, message);
});
