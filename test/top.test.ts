import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually, within } from "./support/eventually.ts";
import { aWorkplace, PROGRAM, type Workplace } from "./support/workplace.ts";

const CLEARED = "\u001B[2J\u001B[H";
// biome-ignore lint/suspicious/noControlCharactersInRegex: what steers the terminal takes no room on it.
const STEERING = /\u001B\[[?\d;]*[A-Za-z]/g;
const LEFT = "\u001B[?1049l";

/** What a person types into a terminal of 90 × 20, and what it was told to show. */
function aTerminal(workplace: Workplace, ...args: readonly string[]) {
  const words = [process.execPath, PROGRAM.hive, ...args].map((word) => `'${word}'`).join(" ");
  const story = [
    ...["stty rows 20 cols 90", "tty > tty", "stty -g > before", words, 'echo "code=$?"', "stty -g > after"],
  ].join("; ");
  // The only pseudo-terminal that comes with every Linux.
  // CI is set in many a container that a person works in: a terminal is one all the same.
  const env = { ...workplace.env, CI: "true" };
  const child = spawn("script", ["-qfec", story, "/dev/null"], { cwd: workplace.root, env });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const file = (name: string) => readFileSync(join(workplace.root, name), "utf8").trim();
  return {
    text: () => text,
    says: (part: string | RegExp) => eventually(`${part} on the terminal`, () => text.search(part) !== -1),
    type: (keys: string) => void child.stdin.write(keys),
    async resize(rows: number, columns: number) {
      const size = ["rows", String(rows), "cols", String(columns)];
      const stty = spawn("stty", ["-F", file("tty"), ...size], { stdio: "ignore" });
      await new Promise((resolve) => stty.on("close", resolve));
    },
    /** Its end: the exit code, and whether the terminal is as it was. */
    async ended() {
      await within("the end of the terminal", closed);
      const screenLeft = text.lastIndexOf(LEFT) > text.lastIndexOf("\u001B[?1049h");
      const cursorShown = text.lastIndexOf("\u001B[?25h") > text.lastIndexOf("\u001B[?25l");
      const isAsBefore = file("before") === file("after");
      return { code: Number(/code=(\d+)/.exec(text)?.[1]), screenLeft, cursorShown, isAsBefore };
    },
  };
}

const RESTORED = { code: 0, screenLeft: true, cursorShown: true, isAsBefore: true };

test("hive top shows the fleet in a terminal, fits its size, says when the queen is gone, and leaves the terminal as it was", async () => {
  const workplace = aWorkplace();
  const queen = await workplace.queen(["--catalog", "memory"]);
  await queen.client.heartbeat({ hive_id: "desk", timestamp: new Date().toISOString(), workers: [] });
  const terminal = aTerminal(workplace, "top", "--queen", queen.url);
  await terminal.says(/› .*desk/);

  await queen.client.heartbeat({ hive_id: "rack", timestamp: new Date().toISOString(), workers: [] });
  await terminal.says("rack");
  await terminal.resize(12, 40);
  // Rows and columns change one after the other: each time it is drawn anew.
  await eventually("a picture that fits", () => {
    const shown = terminal.text().slice(terminal.text().lastIndexOf(CLEARED) + CLEARED.length);
    const widths = shown.split(/\r?\n/).map((line) => line.replaceAll(STEERING, "").length);
    return shown.includes("rack") && Math.max(...widths) <= 40;
  });

  await queen.end("SIGKILL");
  await terminal.resize(20, 120);
  await terminal.says("queen unreachable since");
  terminal.type("q");
  expect(await terminal.ended()).toEqual(RESTORED);
});

test("hive top leaves the terminal as it was also when it is told to end by a signal", async () => {
  const workplace = aWorkplace();
  const queen = await workplace.queen(["--catalog", "memory"]);
  const terminal = aTerminal(workplace, "top", "--queen", queen.url);
  await terminal.says("No hives yet");
  const [pid] = workplace.pids().filter((pid) => {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words[0] === process.execPath && words.includes("top");
  });
  process.kill(pid as number, "SIGTERM");
  expect(await terminal.ended()).toEqual(RESTORED);
});

test("hive top prints one picture where there is no terminal, and never takes a terminal without a queen", async () => {
  const workplace = aWorkplace();
  const queen = await workplace.queen(["--catalog", "memory"]);
  await queen.client.heartbeat({ hive_id: "desk", timestamp: new Date().toISOString(), workers: [] });
  const printed = await workplace.hive("top", "--queen", queen.url);
  expect(printed).toMatchObject({ code: 0, stderr: "" });
  expect(printed.stdout).toMatch(/^hive top {2}http[\s\S]+› desk +alive +0 .*s\n$/);
  expect(printed.stdout).not.toContain("\u001B");
  await queen.end();
  const refused = aTerminal(workplace, "top", "--queen", queen.url);
  await refused.says("code=");
  expect(refused.text()).not.toContain("\u001B[?1049h");
  expect((await refused.ended()).code).not.toBe(0);
});
