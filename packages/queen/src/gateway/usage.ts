/** What an answer cost, as its worker tells. Absent: it did not. */
export interface Usage {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
}

/** Of an answer's end so much is looked at. Where it is told, it stands in the last event or the last members. */
const LOOKED_AT_BYTES_MAX = 16_384;
/** And first so much of it: nearly always that is enough. */
const FIRST_LOOK_BYTES = 1_024;
/** Anthropic's streams end with two short events after the one that tells. */
const LAST_PIECES = 4;
/** An object of usage has some hundred characters. */
const USAGE_CHARS_MAX = 1_024;

const USAGE = '"usage"';
const TIMINGS = '"timings"';
const INPUT = ['"prompt_tokens"', '"input_tokens"', '"cache_creation_input_tokens"', '"cache_read_input_tokens"'];
const OUTPUT = ['"completion_tokens"', '"output_tokens"'];
/** llama.cpp's, also where no usage was asked for. What it had in its cache it counts apart. */
const TIMED_INPUT = ['"prompt_n"', '"cache_n"'];
const TIMED_OUTPUT = ['"predicted_n"'];

/**
 * Remembers how an answer began and ended, while its bytes go by unchanged, and finds what it says of its tokens. It holds a few
 * pieces that are there anyway and copies nothing; one look is taken, at the end.
 */
export class AnswerEnds {
  #first: Buffer | undefined;
  readonly #last: (Buffer | undefined)[] = new Array(LAST_PIECES).fill(undefined);
  #pieces = 0;

  keep(piece: Buffer): void {
    this.#first ??= piece;
    this.#last[this.#pieces++ % LAST_PIECES] = piece;
  }

  /** Text of a message has its quotes escaped, so what looks like a member is one. */
  usage(): Usage {
    const end = this.#end(FIRST_LOOK_BYTES);
    const told = usageIn(end) ?? (end.length < FIRST_LOOK_BYTES ? undefined : usageIn(this.#end(LOOKED_AT_BYTES_MAX)));
    if (told === undefined || told.input_tokens !== undefined || this.#first === undefined) return told ?? {};
    // Anthropic's streams tell at their beginning what was read.
    const beginning = this.#first.toString("latin1", 0, LOOKED_AT_BYTES_MAX);
    const begun = toldAt(beginning, beginning.indexOf(USAGE) + USAGE.length, INPUT, OUTPUT);
    return begun?.input_tokens === undefined ? told : { ...told, input_tokens: begun.input_tokens };
  }

  #end(bytesMax: number): string {
    let text = "";
    for (let at = this.#pieces - 1; at >= Math.max(0, this.#pieces - LAST_PIECES) && text.length < bytesMax; at--) {
      const piece = this.#last[at % LAST_PIECES] as Buffer;
      text = piece.toString("latin1", Math.max(0, piece.length - (bytesMax - text.length))) + text;
    }
    return text;
  }
}

function usageIn(text: string): Usage | undefined {
  return toldBy(text, USAGE, INPUT, OUTPUT) ?? toldBy(text, TIMINGS, TIMED_INPUT, TIMED_OUTPUT);
}

/** By the last member of that name that is an object: in streams each event may have one that grows, or is null. */
function toldBy(text: string, member: string, input: readonly string[], output: readonly string[]): Usage | undefined {
  for (let at = text.lastIndexOf(member); at !== -1; at = at === 0 ? -1 : text.lastIndexOf(member, at - 1)) {
    const told = toldAt(text, at + member.length, input, output);
    if (told !== undefined) return told;
  }
  return undefined;
}

const OBJECT = /\s*:\s*\{/y;

function toldAt(text: string, at: number, input: readonly string[], output: readonly string[]): Usage | undefined {
  OBJECT.lastIndex = at;
  if (!OBJECT.test(text)) return undefined;
  const object = text.slice(at, at + USAGE_CHARS_MAX);
  const [input_tokens, output_tokens] = [sumOf(object, input), sumOf(object, output)];
  if (input_tokens === undefined && output_tokens === undefined) return undefined;
  return {
    ...(input_tokens === undefined ? undefined : { input_tokens }),
    ...(output_tokens === undefined ? undefined : { output_tokens }),
  };
}

const NUMBER = /\s*:\s*(\d{1,12})/y;

function sumOf(object: string, names: readonly string[]): number | undefined {
  let sum: number | undefined;
  for (const name of names) {
    const at = object.indexOf(name);
    if (at === -1) continue;
    NUMBER.lastIndex = at + name.length;
    const value = NUMBER.exec(object)?.[1];
    if (value !== undefined) sum = (sum ?? 0) + Number(value);
  }
  return sum;
}
