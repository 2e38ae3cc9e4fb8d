import type { Embeddings, Engine, EngineInfo, EngineLoad, GenerateEvent, GenerateRequest } from "../engine.ts";

/** An engine whose answer is whatever the test says, for what real llama.cpp does not do on demand. */
export class FakeEngine implements Engine {
  readonly info: EngineInfo = { n_ctx_train: 1024, n_ctx: 1024, size: 1, backend: "cpu" };
  readonly requests: GenerateRequest[] = [];
  readonly #answer: (request: GenerateRequest, signal: AbortSignal) => AsyncGenerator<GenerateEvent, void, void>;
  closed = false;

  constructor(answer: (request: GenerateRequest, signal: AbortSignal) => AsyncGenerator<GenerateEvent, void, void>) {
    this.#answer = answer;
  }

  load(): EngineLoad {
    return { slots_total: 1, slots_busy: 0, queue_depth: 0 };
  }

  onChange(): () => void {
    return () => {};
  }

  generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
    this.requests.push(request);
    return this.#answer(request, signal);
  }

  async embed(): Promise<Embeddings> {
    return { vectors: [[1, 0]], prompt_tokens: 1 };
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
