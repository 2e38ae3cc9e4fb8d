/** An inference server that somebody else started, and how its kind is recognised and read. */

/** One answer over HTTP. Its text is cut off at a bound. */
export interface Answer {
  readonly status: number;
  /** Names in any case. */
  header(name: string): string | undefined;
  readonly text: string;
  /** `undefined` when the text is not JSON. */
  json(): unknown;
}

/**
 * A listening server. It is only ever asked with GET: a question must not wake a sleeper, load a model or cost a token.
 * Engines keep what changes seldom by this object: a server that was started anew is better given a new one.
 */
export interface Server {
  /** Without a slash at its end. */
  readonly url: string;
  /**
   * `undefined`: no connection, no HTTP, or no answer in time (about a second where nothing else is said). The key that the
   * operator gave for the server goes along and shows nowhere else.
   */
  get(path: string, options?: { readonly timeoutMs?: number }): Promise<Answer | undefined>;
}

/** A model that a server knows. What it does not tell is absent. */
export interface ServedModel {
  readonly id: string;
  /** Other names that a request may use for it. */
  readonly aliases?: readonly string[];
  /**
   * In memory now, or asleep there and woken by its next request. Servers that load on request list others too: for those
   * another model may have to make way.
   */
  readonly loaded: boolean;
  readonly context_tokens?: number;
  /** Bytes of its weights. */
  readonly size_bytes?: number;
  readonly vram_bytes?: number;
}

/** How a server stands. What it does not tell is null, never 0: a worker of unknown load must not look idle. */
export interface Probe {
  /**
   * `loading`: lives and cannot answer yet. `ready`: takes requests. `broken`: answers that it cannot work.
   * `locked`: demands a key that was not given, or refuses the one that was.
   */
  readonly state: "loading" | "ready" | "broken" | "locked";
  /** Why, in words for the operator; never with a key in it. */
  readonly message?: string;
  readonly models: readonly ServedModel[];
  /** Requests that it runs at once. */
  readonly slots_total: number | null;
  /** Requests that run now. */
  readonly slots_busy: number | null;
  /** Requests that wait inside. */
  readonly queue_depth: number | null;
  /** 0–100. */
  readonly kv_cache_percent: number | null;
  readonly version: string | null;
}

/** One kind of inference server. */
export interface ServerEngine {
  /** Its name on the wire: `vllm`, `ollama` … */
  readonly name: string;
  /** Whether this server is of the kind. Asked in the order of `SERVER_ENGINES`: emulators come before what they emulate. */
  recognises(server: Server): Promise<boolean>;
  /**
   * How a server of this kind stands. `undefined` when it does not answer at all.
   */
  probe(server: Server): Promise<Probe | undefined>;
}
