/** What clients may send: JSON schemas that are checked at the door, and the types they vouch for. Null counts as absent. */

export interface SamplingBody {
  readonly model?: string | null;
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean | null } | null;
  readonly max_tokens?: number | null;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly top_k?: number | null;
  readonly min_p?: number | null;
  readonly seed?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly presence_penalty?: number | null;
  readonly frequency_penalty?: number | null;
}

export interface ChatBody extends SamplingBody {
  readonly messages: readonly ChatBodyMessage[];
  readonly max_completion_tokens?: number | null;
}

export interface ChatBodyMessage {
  readonly role: "system" | "developer" | "user" | "assistant";
  readonly content?: string | readonly { readonly type: "text"; readonly text: string }[] | null;
}

export interface CompletionBody extends SamplingBody {
  readonly prompt: string | readonly [string];
}

export interface EmbeddingsBody {
  readonly model?: string | null;
  readonly input: string | readonly string[];
  readonly encoding_format?: "float" | "base64" | null;
}

export const MAX_MESSAGES = 4096;
export const MAX_STOP_STRINGS = 4;
const MAX_STOP_LENGTH = 512;
export const MAX_EMBEDDING_INPUTS = 2048;
const MAX_NAME_LENGTH = 512;

/** A schema that also takes null. The description completes the sentence "PARAM must be …" in the error. */
const optional = (description: string, schema: object): object => ({
  description: `${description}, or null`,
  anyOf: [schema, { type: "null" }],
});
const number = (minimum: number, maximum: number): object =>
  optional(`a number from ${minimum} to ${maximum}`, { type: "number", minimum, maximum });
const integer = (minimum: number, description: string): object =>
  optional(description, { type: "integer", minimum, maximum: Number.MAX_SAFE_INTEGER });
const stopString = { type: "string", minLength: 1, maxLength: MAX_STOP_LENGTH };

const SAMPLING_PROPERTIES = {
  model: optional("a text", { type: "string", maxLength: MAX_NAME_LENGTH }),
  stream: optional("true or false", { type: "boolean" }),
  stream_options: optional("an object", {
    type: "object",
    properties: { include_usage: optional("true or false", { type: "boolean" }) },
  }),
  max_tokens: integer(1, "a whole number from 1"),
  temperature: number(0, 2),
  top_p: number(0, 1),
  top_k: integer(0, "a whole number from 0"),
  min_p: number(0, 1),
  seed: integer(Number.MIN_SAFE_INTEGER, "a whole number"),
  stop: optional(`a text or up to ${MAX_STOP_STRINGS} texts, each of 1 to ${MAX_STOP_LENGTH} characters`, {
    anyOf: [stopString, { type: "array", maxItems: MAX_STOP_STRINGS, items: stopString }],
  }),
  presence_penalty: number(-2, 2),
  frequency_penalty: number(-2, 2),
};

const textPart = {
  type: "object",
  required: ["type", "text"],
  properties: { type: { const: "text" }, text: { type: "string" } },
};

export const CHAT_SCHEMA: object = {
  type: "object",
  required: ["messages"],
  properties: {
    ...SAMPLING_PROPERTIES,
    max_completion_tokens: integer(1, "a whole number from 1"),
    messages: {
      description: `a list of 1 to ${MAX_MESSAGES} messages`,
      type: "array",
      minItems: 1,
      maxItems: MAX_MESSAGES,
      items: {
        description: "an object with role and content",
        type: "object",
        required: ["role"],
        properties: {
          role: {
            description: "system, developer, user or assistant (this worker knows no tools)",
            enum: ["system", "developer", "user", "assistant"],
          },
          content: optional("a text or a list of text parts (this worker reads no images or audio)", {
            anyOf: [{ type: "string" }, { type: "array", items: textPart }],
          }),
        },
      },
    },
  },
};

export const COMPLETION_SCHEMA: object = {
  type: "object",
  required: ["prompt"],
  properties: {
    ...SAMPLING_PROPERTIES,
    prompt: {
      description: "one text (this worker takes no token ids and no several prompts at once)",
      anyOf: [{ type: "string" }, { type: "array", minItems: 1, maxItems: 1, items: { type: "string" } }],
    },
  },
};

export const EMBEDDINGS_SCHEMA: object = {
  type: "object",
  required: ["input"],
  properties: {
    model: SAMPLING_PROPERTIES.model,
    input: {
      description: `a text or 1 to ${MAX_EMBEDDING_INPUTS} texts, none empty (this worker takes no token ids)`,
      anyOf: [
        { type: "string", minLength: 1 },
        { type: "array", minItems: 1, maxItems: MAX_EMBEDDING_INPUTS, items: { type: "string", minLength: 1 } },
      ],
    },
    encoding_format: optional("float or base64", { enum: ["float", "base64"] }),
  },
};
