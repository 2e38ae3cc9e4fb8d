import { readFileSync } from "node:fs";
import { but, type Page, type Pages, type Samples } from "../sample.ts";

/** What a real one answered; the file says which, and how it was started. */
const captured = JSON.parse(readFileSync(new URL("llama-server-captured.json", import.meta.url), "utf8")) as {
  readonly source: string;
  readonly idle: Pages;
  readonly busy: Readonly<Record<string, Page>>;
  readonly loading: Pages;
  readonly without_metrics: Readonly<Record<string, Page>>;
  readonly locked: Pages;
};
const { source, idle, busy, loading, without_metrics, locked } = captured;

/** Three of its four slots are taken, and its metrics are off. */
export const CAPTURED_BUSY_WITHOUT_METRICS: Pages = but(but(idle, without_metrics), {
  "/slots": busy["/slots"] as Page,
});

export const capturedLlamaServerSamples: Samples = {
  ...{ engine: "llama-server", source },
  ready: {
    pages: idle,
    probe: {
      state: "ready",
      models: [{ id: "hive-demo.gguf", loaded: true, context_tokens: 4_096, size_bytes: 1_369_088 }],
      ...{ slots_total: 4, slots_busy: 0, queue_depth: 0, kv_cache_percent: null, version: "b1-de3ff81" },
    },
  },
  loading: { pages: loading, probe: { state: "loading", models: [], slots_busy: null, queue_depth: null } },
  busy: { pages: but(idle, busy), probe: { state: "ready", slots_total: 4, slots_busy: 3, queue_depth: 0 } },
  // Older builds list their models to everybody; this one does not.
  locked: { pages: locked, probe: { state: "locked", models: [], slots_total: null, slots_busy: null } },
};
