import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { emptyWhenCrowded, limitLog } from "./log-limit.ts";

const SOURCE = new URL("../dist/log-limit.js", import.meta.url).href;

function aLog(): { readonly path: string; readonly file: number } {
  const folder = mkdtempSync(join(tmpdir(), "hive-log-test-"));
  const path = join(folder, "hive-desk.log");
  const file = openSync(path, "a", 0o600);
  onTestFinished(() => {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  });
  return { path, file };
}

test("a crowded log is put aside and goes on empty, and the two youngest ones are kept", () => {
  const { path, file } = aLog();
  for (const text of ["first", "second", "third"]) {
    appendFileSync(file, text);
    emptyWhenCrowded(file, path, 4);
  }
  appendFileSync(file, "now");
  const files = ["", ".1", ".2"].map((age) => readFileSync(path + age, "utf8"));
  expect(files).toEqual(["now", "hird", "cond"]);
  expect([existsSync(`${path}.3`), existsSync(`${path}.aside`)]).toEqual([false, false]);
  expect(statSync(`${path}.1`).mode & 0o077).toBe(0);
});

test("of a log that grew far beyond its limit only the end is kept", () => {
  const { path, file } = aLog();
  appendFileSync(file, "x".repeat(200_000));
  appendFileSync(file, "the last words");
  emptyWhenCrowded(file, path, 100_000);
  expect(statSync(path).size).toBe(0);
  expect(statSync(`${path}.1`).size).toBe(100_000);
  expect(readFileSync(`${path}.1`, "utf8")).toMatch(/x+the last words$/);
});

test("a log within its limit is left as it is", () => {
  const { path, file } = aLog();
  appendFileSync(file, "ten bytes.");
  emptyWhenCrowded(file, path, 10);
  expect(readFileSync(path, "utf8")).toBe("ten bytes.");
  expect(existsSync(`${path}.1`)).toBe(false);
});

test("where nothing can be put aside the log still stays bounded", () => {
  const { path, file } = aLog();
  appendFileSync(file, "x".repeat(100));
  mkdirSync(`${path}.aside`);
  writeFileSync(join(`${path}.aside`, "in the way"), "");
  expect(() => emptyWhenCrowded(file, path, 10)).not.toThrow();
  expect(statSync(path).size).toBe(0);
});

test("a program that writes on and on never has a log much beyond its limit, and every line of it is whole", async () => {
  const { path, file } = aLog();
  const program = `
    import { limitLog } from ${JSON.stringify(SOURCE)};
    const line = "a line of this program, " + "x".repeat(75) + "\\n";
    limitLog(process.env, { bytesMax: 50_000, lookEveryMs: 1 });
    let left = 400;
    const write = () => { for (let i = 0; i < 10; i++) process.stderr.write(line); if (--left > 0) setTimeout(write, 1); };
    write();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", file, file],
    env: { ...process.env, HIVE_LOG_FILE: path },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
  expect(existsSync(`${path}.1`)).toBe(true);
  // 400 kB were written.
  for (const one of [path, `${path}.1`, `${path}.2`]) {
    if (!existsSync(one)) continue;
    expect(statSync(one).size).toBeLessThan(100_000);
    const lines = readFileSync(one, "utf8").split("\n");
    // The first one put aside may begin within a line.
    for (const line of lines.slice(1, -1)) expect(line).toMatch(/^a line of this program, x{75}$/);
    expect(lines.at(-1)).toBe("");
  }
});

test("a file that stderr does not go to is not touched", () => {
  const { path, file } = aLog();
  appendFileSync(file, "x".repeat(100));
  const stop = limitLog({ HIVE_LOG_FILE: path }, { bytesMax: 10 });
  stop();
  expect(statSync(path).size).toBe(100);
});
