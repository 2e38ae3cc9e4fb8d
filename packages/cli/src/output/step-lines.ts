import type { Operation } from "@hive-registry/client";
import type { ProgressOptions } from "./progress.ts";
import { spinner } from "./spinner.ts";
import { harmless, oneLine } from "./text.ts";
import { took } from "./units.ts";

/** Shows an operation while it goes on: a line for each step that ended, and on a terminal the one that runs. */
export interface StepLines {
  show(operation: Operation): void;
  /** Takes the running step's line away. */
  end(): void;
}

/** As long as the longest usual name of a step, so that what came of each stands in one column. */
const NAME_WIDTH = 15;

export function startStepLines({ paint, nowMs, print, draw }: ProgressOptions): StepLines {
  let told = 0;
  let running: { readonly name: string; readonly sinceMs: number } | undefined;
  const live = spinner(draw, (frame) =>
    running === undefined ? "" : paint.dim(`${frame} ${running.name}  ${took(nowMs() - running.sinceMs)}`),
  );
  const line = (mark: string, step: Operation["steps"][number]) => {
    const lines = step.state === "failed" ? [] : linesOf(step.output_tail);
    const outcome = lines.length === 1 ? `  ${oneLine(lines[0] ?? "")}` : "";
    const time = paint.dim(took((step.ended_at_ms ?? step.started_at_ms) - step.started_at_ms));
    live.clear();
    print(`${mark} ${`${oneLine(step.name).padEnd(NAME_WIDTH)}${outcome}`.trimEnd()}  ${time}`);
    if (lines.length > 1) for (const one of lines) print(`    ${one}`);
  };
  return {
    show({ steps, state }) {
      for (const step of steps.slice(told)) {
        if (step.state === "running" && state === "running") {
          if (running?.name !== step.name) running = { name: oneLine(step.name), sinceMs: nowMs() };
          live.start();
          return;
        }
        told += 1;
        running = undefined;
        const marks = { succeeded: paint.green("✓"), failed: paint.red("✗"), running: paint.yellow("–") };
        line(marks[step.state], step);
      }
      if (state !== "running") live.stop();
    },
    end: live.stop,
  };
}

/** What a step said, line by line, without what could steer a terminal. */
export const linesOf = (text: string): string[] =>
  harmless(text)
    .split("\n")
    .map((one) => one.trimEnd())
    .filter((one) => one !== "");
