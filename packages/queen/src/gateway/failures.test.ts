import { HiveError } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { failureEvent, failureOf, workerFailure } from "./failures.ts";

const told = (dialect: "openai" | "anthropic", status: number, reply: unknown) => {
  const bytes = Buffer.from(typeof reply === "string" ? reply : JSON.stringify(reply));
  return JSON.parse(workerFailure(dialect, status, bytes, { retry: "useless" }).body) as {
    readonly error: {
      readonly message: string;
      readonly type: string;
      readonly code?: string;
      readonly param?: string;
    };
  };
};

describe("a worker's failure", () => {
  test("that has OpenAI's shape goes on as it is, byte for byte", () => {
    const reply = '{ "error": {"message":"too long", "type":"exceed_context_size_error","code":400, "n_ctx":512} }';
    expect(workerFailure("openai", 400, Buffer.from(reply), { retry: "useless" }).body).toBe(reply);
  });

  test.each([
    ["vLLM without a key", 401, { error: "Unauthorized" }, "Unauthorized", "authentication_error"],
    ["Ollama", 404, { error: "model 'x' not found" }, "model 'x' not found", "invalid_request_error"],
    [
      "older vLLM",
      400,
      { object: "error", message: "bad n", type: "BadRequestError", code: 400 },
      "bad n",
      "invalid_request_error",
    ],
    ["TGI", 422, { error: "too many tokens", error_type: "validation" }, "too many tokens", "invalid_request_error"],
    ["FastAPI", 404, { detail: "Not Found" }, "Not Found", "invalid_request_error"],
    [
      "FastAPI's validation",
      422,
      { detail: [{ loc: ["body", "messages", 0], msg: "field required" }] },
      "messages.0: field required",
      "invalid_request_error",
    ],
    ["a line of text", 503, "no slot free\n", "no slot free", "unavailable_error"],
    [
      "a page of HTML",
      502,
      "<html><body>Bad Gateway</body></html>",
      "The worker answered with status 502",
      "server_error",
    ],
    ["a trace", 500, "Traceback:\n  File x.py", "The worker answered with status 500", "server_error"],
    ["nothing", 500, "", "The worker answered with status 500", "server_error"],
    [
      "a message that is no text",
      400,
      { error: { message: { a: 1 } } },
      "The worker answered with status 400",
      "invalid_request_error",
    ],
  ])("of %s has a message that is a text", (_who, status, reply, message, type) => {
    expect(told("openai", status, reply)).toMatchObject({ error: { message, type } });
    expect(told("anthropic", status, reply)).toMatchObject({ type: "error", error: { message } });
  });

  test("says again to wait when the worker did", () => {
    const { headers } = workerFailure("openai", 503, Buffer.from(""), { retry: "spent", retryAfter: "17" });
    expect(headers.join(" ")).toContain("retry-after 17 x-should-retry false");
  });
});

describe("a failure of ours", () => {
  test("has OpenAI's shape, or Anthropic's", () => {
    const error = new HiveError("MODEL_NOT_FOUND", "No worker serves it");
    expect(JSON.parse(failureOf("openai", error, { param: "model" }).body)).toEqual({
      error: { message: "No worker serves it", type: "invalid_request_error", param: "model", code: "model_not_found" },
    });
    expect(JSON.parse(failureOf("anthropic", error).body)).toEqual({
      type: "error",
      error: { type: "not_found_error", message: "No worker serves it" },
    });
  });

  test("tells when to ask again, and that asking at once is no use when we have tried", () => {
    const error = new HiveError("NO_WORKER", "all are busy");
    expect(failureOf("openai", error).headers).toContain("retry-after");
    expect(failureOf("openai", error).headers).not.toContain("x-should-retry");
    expect(failureOf("openai", error, { retry: "spent" }).headers.join(" ")).toContain("x-should-retry false");
  });

  test("is one event in a stream", () => {
    expect(failureEvent("openai", "{}")).toBe("data: {}\n\n");
    expect(failureEvent("anthropic", "{}")).toBe("event: error\ndata: {}\n\n");
  });
});
