import type { Operation } from "@hive-registry/client";
import { describe, expect, test, vi } from "vitest";
import { aStep } from "../testing/queen.ts";
import { PLAIN } from "./paint.ts";
import { startStepLines } from "./step-lines.ts";

const anOperation = (state: Operation["state"], ...steps: Operation["steps"]): Operation => ({
  ...{ operation_id: "o", kind: "add", hive_id: "attic", state, started_at_ms: 0, steps },
});
const running = (name: string) => aStep(name, "", { state: "running" });

describe("the steps of an operation", () => {
  test("each is a line when it has ended, told once, with what came of it and its time", () => {
    const lines: string[] = [];
    const steps = startStepLines({ paint: PLAIN, nowMs: () => 0, print: (line) => lines.push(line), draw: undefined });
    const connect = aStep("connect", "ada@attic, port 22\n");
    steps.show(anOperation("running", running("connect")));
    steps.show(anOperation("running", connect, running("install")));
    steps.show(anOperation("running", connect, running("install")));
    const install = aStep("install", "", { started_at_ms: 0, ended_at_ms: 2_345 });
    const start = aStep("start", "no such file\n", { state: "failed", started_at_ms: 0, ended_at_ms: 999 });
    steps.show(anOperation("failed", connect, install, start));
    expect(lines).toEqual([...["✓ connect          ada@attic, port 22  12 ms", "✓ install  2.3 s", "✗ start  999 ms"]]);
  });

  test("what came of a step in several lines stands below it, and steers no terminal", () => {
    const lines: string[] = [];
    const steps = startStepLines({ paint: PLAIN, nowMs: () => 0, print: (line) => lines.push(line), draw: undefined });
    steps.show(anOperation("succeeded", aStep("plan", "copy hive.mjs\n\u001B[2Jstart it\n")));
    expect(lines).toHaveLength(3);
    expect(lines.slice(1)).toEqual(["    copy hive.mjs", "    \uFFFD[2Jstart it"]);
  });

  test("on a terminal the one that runs is shown with its time, and gives way to lines that stay", () => {
    vi.useFakeTimers();
    try {
      const drawn: string[] = [];
      const steps = startStepLines({
        ...{ paint: PLAIN, nowMs: () => Date.now(), print: (line) => drawn.push(line) },
        draw: (text) => drawn.push(text),
      });
      steps.show(anOperation("running", running("connect")));
      vi.advanceTimersByTime(1_600);
      expect(drawn.at(-1)).toContain("connect  1.6 s");
      steps.show(anOperation("running", aStep("connect"), running("install")));
      vi.advanceTimersByTime(160);
      expect(drawn.at(-1)).toContain("install  160 ms");
      steps.end();
      expect(drawn.at(-1)).toBe("\r\u001B[K");
      const before = drawn.length;
      vi.advanceTimersByTime(1_000);
      expect(drawn).toHaveLength(before);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a step that was broken off is neither done nor failed", () => {
    const lines: string[] = [];
    const steps = startStepLines({ paint: PLAIN, nowMs: () => 0, print: (line) => lines.push(line), draw: undefined });
    steps.show(anOperation("interrupted", aStep("connect"), running("install")));
    expect(lines[1]).toMatch(/^– install/);
  });
});
