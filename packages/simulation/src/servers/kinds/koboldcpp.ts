import { CONTEXT_TOKENS, html, json, type Kind, openai, type Reply, type Situation, text } from "../kind.ts";
import { KOBOLD_GENERATE, OLLAMA_CHAT, OLLAMA_GENERATE } from "../native.ts";

const fail = (status: number, msg: string): Reply =>
  json(status, { detail: { msg, type: status < 500 ? "bad_input" : "server_error" } });

const PROTECTED = new Set(["/api/v1/generate", "/api/generate", "/api/chat"]);

/** Source: LostRuins/koboldcpp koboldcpp.py, of 2026 for `perf`. Values are constructed. */
export const koboldcpp: Kind = {
  headers: { server: "ConcedoLlamaForKoboldServer" },
  // One generation at a time; --multiuser 7 is its default.
  ...{ slots: 1, queueMax: 7, silentWhileLoading: true },
  get: {
    "/": () => html("KoboldAI Lite"),
    "/api/extra/version": () =>
      json(200, {
        ...{ result: "KoboldCpp", version: "1.119", protected: false, llm: true, txt2img: false, vision: false },
        ...{ transcribe: false, multiplayer: false, websearch: false, tts: false, embeddings: false },
      }),
    "/api/extra/perf": perf,
    "/api/extra/true_max_context_length": () => json(200, { value: CONTEXT_TOKENS }),
    "/api/v1/model": (situation) => json(200, { result: nameOf(situation) }),
    "/v1/models": (situation) =>
      json(200, {
        object: "list",
        data: [
          {
            ...{ id: nameOf(situation), object: "model", created: situation.now_s, owned_by: "koboldcpp" },
            ...{ permission: [], root: "koboldcpp" },
          },
        ],
      }),
    // What it emulates: of llama-server, and of Ollama.
    "/props": ({ slots }) =>
      json(200, {
        ...{ chat_template: "{{ messages }}", total_slots: slots },
        default_generation_settings: { n_ctx: CONTEXT_TOKENS },
      }),
    "/api/version": () => json(200, { version: "0.7.0" }),
    "/api/tags": (situation) => json(200, { models: [asOllama(situation)] }),
    "/api/ps": (situation) => json(200, { models: [asOllama(situation)] }),
  },
  inference: {
    ...openai("chat/completions", "completions"),
    ...{ "/api/v1/generate": KOBOLD_GENERATE, "/api/generate": OLLAMA_GENERATE, "/api/chat": OLLAMA_CHAT },
  },
  post: { "/api/extra/abort": () => ({ reply: json(200, { success: "true", done: "true" }) }) },
  locks: (path) => PROTECTED.has(path) || path.endsWith("/completions"),
  unauthorized: json(401, {
    detail: { error: "Unauthorized", msg: "Authentication key is missing or invalid.", type: "unauthorized" },
  }),
  notFound: () => ({
    ...text(404, "Error: HTTP Server is running, but this endpoint does not exist. Please check the URL."),
    headers: { "content-type": "text/html" },
  }),
  overloaded: json(503, {
    detail: { msg: "Server is busy; please try again later.", type: "service_unavailable" },
  }),
  fail,
};

/** Who has no key does not learn the name. */
const nameOf = ({ models: [model = ""], is_trusted }: Situation): string =>
  `koboldcpp/${is_trusted ? model : "protected-model"}`;

function perf({ running, queued, answered, answer_tokens, started_at_s, now_s }: Situation): Reply {
  return json(200, {
    ...{ last_process: 0, last_eval: 0, last_token_count: answer_tokens, last_input_count: 0 },
    ...{ last_process_time: 0, last_eval_time: 0, last_process_speed: 0, last_eval_speed: 0, last_seed: -1 },
    ...{ last_draft_success: 0, last_draft_failed: 0, total_gens: answered, stop_reason: -1 },
    ...{ total_img_gens: 0, total_tts_gens: 0, queue: queued, idle: running > 0 ? 0 : 1 },
    uptime: now_s - started_at_s,
  });
}

const asOllama = (situation: Situation): object => ({
  ...{ name: "koboldcpp", model: nameOf(situation), modified_at: "2024-07-19T15:26:55.6122841+08:00" },
  ...{ size: 394_998_579, digest: "b5dc5e784f2a3ee1582373093acf69a2f4e2ac1710b253a001712b86a61f88bb" },
  details: {
    ...{ parent_model: "", format: "gguf", family: "koboldcpp", families: ["koboldcpp"] },
    ...{ parameter_size: "128M", quantization_level: "Q4_0" },
  },
});
