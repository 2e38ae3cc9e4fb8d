import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openCatalog } from "./index.ts";
import { catalogFiles } from "./testing/catalog-files.ts";

const files = catalogFiles();
const PUT_FOREVER = fileURLToPath(new URL("./testing/put-forever.mjs", import.meta.url));

/** Lets a process write to the catalog and kills it once it has acknowledged `count` changes. Answers with all it acknowledged. */
async function killedAfter(count: number, path: string, round: number): Promise<string[]> {
  const child = spawn(process.execPath, [PUT_FOREVER, path, String(round)], { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === count) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  return acknowledged;
}

test("after kill -9 in the middle of writing, every acknowledged change is there, and whole", async () => {
  const path = files.path();
  const expected = new Set<string>();
  for (const [round, count] of [1, 2, 40, 300, 1_500, 7].entries()) {
    const acknowledged = await killedAfter(count, path, round);
    expect(acknowledged.length).toBeGreaterThanOrEqual(count);
    const gone = new Set<string>();
    for (const line of acknowledged) {
      if (line.startsWith("+")) expected.add(line.slice(1));
      else gone.add(line.slice(1));
    }
    for (const id of gone) expected.delete(id);

    const catalog = openCatalog({ kind: "sqlite", path });
    const records = new Map(catalog.list().map((record) => [record.id, record]));
    // The last change may have been made without being acknowledged any more: one more record, or one less.
    const next = nextChange(acknowledged, round);
    if (next.startsWith("+") && records.has(next.slice(1))) expected.add(next.slice(1));
    if (next.startsWith("-") && !records.has(next.slice(1))) expected.delete(next.slice(1));
    expect([...records.keys()].sort()).toEqual([...expected].sort());
    for (const [id, record] of records) {
      const i = Number(id.split(".")[1]);
      expect(record).toStrictEqual({
        id,
        host: `host-${id}`,
        port: 1 + (i % 65_535),
        status: "unknown",
        labels: { id, note: "x".repeat(i % 200) },
        created_at_ms: i,
        updated_at_ms: i,
      });
    }
    catalog.close();
  }
});

/** What the writer was about when it was killed: the change after the last one that it acknowledged. */
function nextChange(acknowledged: readonly string[], round: number): string {
  const last = acknowledged.at(-1)!;
  const i = Number(last.split(".")[1]);
  if (last.startsWith("-")) return `+round-${round}.${i + 2}`;
  return i % 3 === 2 ? `-round-${round}.${i - 1}` : `+round-${round}.${i + 1}`;
}
