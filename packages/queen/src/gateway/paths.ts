/** Whose shape errors have on a path. */
export type Dialect = "openai" | "anthropic";

/** A path that is passed on to workers. */
export interface InferencePath {
  readonly path: string;
  readonly summary: string;
  readonly dialect: Dialect;
  /** Members of the body in which a prompt begins, in the order in which a worker reads them. */
  readonly promptMembers: readonly string[];
  /** One of these stands near the end of a whole stream; none where there is no such mark. */
  readonly endMarks: readonly string[];
}

const DONE = ["[DONE]"];

export const INFERENCE_PATHS: readonly InferencePath[] = [
  {
    path: "/v1/chat/completions",
    summary: "OpenAI's chat completions",
    dialect: "openai",
    promptMembers: ["messages"],
    endMarks: DONE,
  },
  {
    path: "/v1/completions",
    summary: "OpenAI's completions",
    dialect: "openai",
    promptMembers: ["prompt"],
    endMarks: DONE,
  },
  { path: "/v1/embeddings", summary: "OpenAI's embeddings", dialect: "openai", promptMembers: ["input"], endMarks: [] },
  {
    path: "/v1/responses",
    summary: "OpenAI's responses",
    dialect: "openai",
    promptMembers: ["instructions", "input"],
    endMarks: ["response.completed", "response.incomplete", "response.failed"],
  },
  {
    path: "/v1/rerank",
    summary: "Rerank documents for a query",
    dialect: "openai",
    promptMembers: ["query"],
    endMarks: [],
  },
  {
    path: "/v1/messages",
    summary: "Anthropic's messages",
    dialect: "anthropic",
    promptMembers: ["system", "messages"],
    endMarks: ["message_stop"],
  },
];

export const MODELS_PATH = "/v1/models";

const BY_PATH: ReadonlyMap<string, InferencePath> = new Map(INFERENCE_PATHS.map((one) => [one.path, one]));

export const inferencePath = (path: string): InferencePath | undefined => BY_PATH.get(path);
