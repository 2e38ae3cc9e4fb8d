import { expect, test } from "vitest";
import { aRun } from "../devices/testing/fake-run.ts";
import { parsePs, processesByPs } from "./ps.ts";

// *constructed*, in the format of macOS.
const MAC = `    1     0 Ss     12345   1:02.50 Mon Nov 23 08:00:00 2026
  501     1 S    4718592   0:01.23 Mon Nov 23 09:15:10 2026
  502   501 Z          0   0:00.00 Mon Nov 23 09:15:11 2026
`;

test("a Mac's processes are read with their parents, memory, CPU time and start", () => {
  expect([...parsePs(MAC).values()].slice(1)).toEqual([
    {
      ...{ pid: 501, parent_pid: 1, zombie: false, cpu_s: 1.23, start_time: Date.parse("2026-11-23T09:15:10") },
      resident: { own_bytes: 4_718_592 * 1_024, file_bytes: 0 },
    },
    expect.objectContaining({ pid: 502, parent_pid: 501, zombie: true }),
  ]);
  expect(parsePs(MAC.replace("1:02.50", "1-02:03:04")).get(1)?.cpu_s).toBe(((24 + 2) * 60 + 3) * 60 + 4);
});

test("what is no line of a process is passed over", () => {
  expect(
    parsePs("\n  PID  PPID STAT RSS TIME STARTED\n 7 1 S 100 later Mon Nov 23 08:00:00 2026\n 8 1 S 1 0:00 soon\n"),
  ).toEqual(new Map());
});

test("the ps of this machine is understood, and finds this very process", async () => {
  const own = (await processesByPs())?.get(process.pid);
  expect(own?.parent_pid).toBe(process.ppid);
  expect(own?.resident?.own_bytes).toBeGreaterThan(10e6);
  expect(Math.abs((own?.start_time ?? 0) - (Date.now() - process.uptime() * 1_000))).toBeLessThan(60_000);
});

test("without an answer the processes are unknown", async () => {
  expect(await processesByPs(aRun({}).run)).toBeUndefined();
});
