import { parseArgs } from "node:util";
import type { EmulatorOptions } from "./emulator.ts";
import { EMULATOR_KINDS, type EmulatorKind } from "./kinds/kinds.ts";

export const USAGE: string = `Usage: main.js --engine KIND [options]

Answers on 127.0.0.1 as an inference server of the kind does, and computes nothing. POST /__emulator tells it what to be,
GET /__emulator tells how it stands.

  --engine KIND             ${EMULATOR_KINDS.slice(0, 6).join(", ")},
                            ${EMULATOR_KINDS.slice(6).join(", ")}
  --port N                  default 0: any free one
  --models a,b              default: model
  --slots N                 requests at once; default: as the kind does
  --queue N                 requests that may wait; default: as the kind does
  --key K                   what its locked paths demand
  --load-ms N               it loads for so long at its start, and for a request that wakes it
  --first-token-ms N        until the first token of an answer
  --tokens-per-second N     default: no pause between tokens
  --answer-tokens N         tokens of an answer; default 16
  --without /a,/b           paths that are switched off
  --children N              starts so many llama-server emulators beside itself, as Ollama and llama-swap do
  --exit-with-parent        ends when the process that started it has ended
`;

const TEXT = { type: "string" } as const;
const YES = { type: "boolean" } as const;
const OPTIONS = {
  ...{ engine: TEXT, port: TEXT, models: TEXT, slots: TEXT, queue: TEXT, key: TEXT, "load-ms": TEXT },
  ...{ "first-token-ms": TEXT, "tokens-per-second": TEXT, "answer-tokens": TEXT, without: TEXT, children: TEXT },
  ...{ "exit-with-parent": YES, help: YES },
} as const;
type TextFlag = Exclude<keyof typeof OPTIONS, "exit-with-parent" | "help">;

const PORT_MAX = 65_535;
const NUMBER_MAX = 1_000_000_000;
const CHILDREN_MAX = 16;

export interface Flags {
  readonly kind: EmulatorKind;
  readonly children: number;
  readonly exitWithParent: boolean;
  readonly options: EmulatorOptions;
}

/**
 * @returns undefined when only help was asked for
 * @throws {TypeError} for what it does not know
 */
export function readFlags(argv: readonly string[]): Flags | undefined {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true });
  if (values.help === true) return undefined;
  const kind = EMULATOR_KINDS.find((one) => one === values.engine);
  if (kind === undefined) throw new TypeError(`--engine takes one of ${EMULATOR_KINDS.join(", ")}`);
  const whole = (name: TextFlag, min: number, max = NUMBER_MAX): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new TypeError(`--${name} takes a whole number from ${min} to ${max}`);
  };
  const given = {
    ...{ port: whole("port", 0, PORT_MAX), slots: whole("slots", 1), queueMax: whole("queue", 0) },
    ...{ loadMs: whole("load-ms", 0), firstTokenMs: whole("first-token-ms", 0) },
    ...{ tokensPerSecond: whole("tokens-per-second", 1), answerTokens: whole("answer-tokens", 1) },
    ...{ models: list(values.models), without: list(values.without), key: values.key },
  };
  const options: EmulatorOptions = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const exitWithParent = values["exit-with-parent"] === true;
  return { kind, children: whole("children", 0, CHILDREN_MAX) ?? 0, exitWithParent, options };
}

const list = (text: string | undefined): string[] | undefined => text?.split(",").filter((one) => one !== "");
