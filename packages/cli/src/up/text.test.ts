import { describe, expect, test } from "vitest";
import type { UpState } from "./state.ts";
import { whatToTry } from "./text.ts";

const mark = { pid: 1, start_time: 1, started_at_ms: 0 };
const state: UpState = {
  ...{ up: mark, phase: "ready", lines: [], queen: { process: mark, url: "http://127.0.0.1:7833" } },
  worker: { worker_id: "w", model: "my model's", url: "http://127.0.0.1:9300/v1" },
};

describe("what to try next", () => {
  test("names are quoted as a shell and a URL need them, and an OpenAI client gets the queen's address", () => {
    const text = whatToTry(state, { command: "hive", token: undefined });
    expect(text).toContain("curl 'http://127.0.0.1:7833/api/v1/route?model=my%20model's'");
    expect(text).toContain(`hive chat 'my model'\\''s' "What are you?"`);
    expect(text).toContain('baseURL: "http://127.0.0.1:7833/v1", apiKey: "none" })  // model: "my model\'s"');
  });

  test("a token is taken from where it is kept, and never shown", () => {
    const fromFile = whatToTry(state, { command: "npx hive", token: { file: "/home/me/my token" } });
    expect(fromFile).toContain(`"authorization: Bearer $(cat '/home/me/my token')"`);
    expect(fromFile).toContain("npx hive chat --token-file '/home/me/my token'");
    expect(whatToTry(state, { command: "hive", token: "environment" })).toContain("Bearer $HIVE_TOKEN");
  });
});
