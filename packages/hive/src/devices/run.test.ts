import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../clock.ts";
import { eventually } from "../testing/eventually.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { keepReading, type Look } from "./reading.ts";
import { failureOf, firstWords, runWith } from "./run.ts";

const node = (script: string) => runWith(systemClock)(process.execPath, ["-e", script], 20_000).answer;

test("a program's answer is what it printed", async () => {
  expect(await node("console.log('{}')")).toEqual({ text: "{}\n" });
});

test("one that fails is told in its own words, from wherever it printed them", async () => {
  expect((await node("console.log('\\n no\\u0007 luck '); process.exit(3)")).problem).toMatch(
    / failed \(exit 3\): no luck$/,
  );
  expect((await node("console.error('bad'); process.exit(1)")).problem).toMatch(/ failed \(exit 1\): bad$/);
  expect((await node("process.exit(1)")).problem).toMatch(/it gave no reason$/);
  expect(failureOf("x", { code: null, signal: "SIGSEGV", words: "" })).toContain("ended by SIGSEGV");
  expect(firstWords("a".repeat(1_000))).toHaveLength(300);
});

test("one that is not there says so", async () => {
  const { answer, ended } = runWith(systemClock)("/nowhere/tool", [], 1_000);
  expect(await answer).toEqual({ text: "", problem: "tool could not be started (ENOENT)", missing: true });
  await ended;
});

test("one for which there is no memory is told as one that could not be started, not thrown", async () => {
  const spawn = () => {
    throw Object.assign(new Error("spawn ENOMEM"), { code: "ENOMEM" });
  };
  const { answer, ended } = runWith(systemClock, spawn as unknown as typeof import("node:child_process").spawn)(
    "tool",
    [],
    1,
  );
  expect(await answer).toEqual({ text: "", problem: "tool could not be started (ENOMEM)" });
  await ended;
});

test("one that hangs is answered for at its limit, and killed", async () => {
  const clock = new FakeClock();
  const running = runWith(clock)(process.execPath, ["-e", "setInterval(() => {}, 1000)"], 10_000);
  onTestFinished(running.kill);
  clock.advance(10_000);
  expect((await running.answer).problem).toMatch(/ did not answer for 10 s$/);
  await running.ended;
});

test("one that prints without end is no answer", async () => {
  const much = "process.stdout.write('x'.repeat(5e6))";
  expect((await node(much)).problem).toMatch(/ printed too much$/);
});

test("a reading looks once at a time, keeps what it saw, and tells when that is too old", async () => {
  const clock = new FakeClock();
  const answers: ((look: Look<number>) => void)[] = [];
  const look = () => new Promise<Look<number>>((resolve) => void answers.push(resolve));
  const reading = keepReading(clock, { what: "the sensor", periodMs: 1_000, limitMs: 5_000 }, look);
  onTestFinished(reading.stop);
  expect([reading.last(), reading.isStale()]).toEqual([undefined, true]);
  answers[0]?.({ value: 7 });
  await reading.settled;
  expect([reading.last(), reading.isStale(), reading.trouble()]).toEqual([7, false, undefined]);

  clock.advance(1_000);
  expect(answers).toHaveLength(2);
  clock.advance(60_000);
  expect(answers).toHaveLength(2);
  expect([reading.last(), reading.isStale(), reading.trouble()]).toEqual([
    7,
    true,
    "the sensor did not answer for 5 s",
  ]);

  answers[1]?.({ trouble: "it is cold" });
  await eventually("it was told", () => reading.trouble() === "it is cold");
  clock.advance(1_000);
  answers[2]?.({ value: 8 });
  await eventually("it is back", () => reading.last() === 8);
  expect([reading.isStale(), reading.trouble()]).toEqual([false, undefined]);
});
