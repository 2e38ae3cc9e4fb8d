import { describe, expect, test } from "vitest";
import { type Handlers, program } from "./program.ts";

/** What was called, with its words. */
async function said(...words: string[]): Promise<unknown[]> {
  const called: unknown[] = [];
  const handlers = new Proxy(
    {},
    {
      get:
        (_, name) =>
        async (...args: unknown[]) =>
          void called.push(name, ...args),
    },
  );
  await program(handlers as Handlers, "1.2.3").parseAsync(words, { from: "user" });
  return called;
}

describe("the words of the command line", () => {
  test("the queen may be named before or behind the command; behind counts more", async () => {
    expect(await said("--queen", "http://a", "ls")).toEqual(["ls", { queen: "http://a" }]);
    expect(await said("--queen", "http://a", "ls", "--queen", "http://b", "--json")).toEqual([
      "ls",
      { queen: "http://b", json: true },
    ]);
    expect(await said("worker", "stop", "w1", "--queen", "http://b")).toEqual([
      "workerStop",
      "w1",
      { queen: "http://b" },
    ]);
  });

  test("a server's flags are handed on untouched, also its --help and what looks like ours", async () => {
    expect(await said("agent", "--queen", "http://a", "--queen", "http://b", "--help", "--port", "0")).toEqual([
      ...["server", "hive", ["--queen", "http://a", "--queen", "http://b", "--help", "--port", "0"], {}],
    ]);
    expect(await said("--queen", "http://a", "queen", "--new-flag")).toEqual([
      "server",
      "queen",
      ["--new-flag"],
      { queen: "http://a" },
    ]);
  });

  test("numbers are numbers", async () => {
    expect(
      await said("worker", "start", "m.gguf", "--slots", "2", "--device", "0", "--context-tokens", "4096"),
    ).toEqual([...["workerStart", "m.gguf", { slots: 2, device: 0, contextTokens: 4096 }]]);
    expect(await said("up", "--port", "0", "--model", "a", "--model", "b", "--no-demo", "--wait", "5")).toEqual([
      ...["up", { port: 0, model: ["a", "b"], demo: false, wait: 5 }],
    ]);
    expect(await said("chat", "m", "a prompt", "--temperature", "0.7")).toEqual([
      "chat",
      "m",
      "a prompt",
      { temperature: 0.7 },
    ]);
  });
});
