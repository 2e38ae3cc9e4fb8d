import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../test/support/eventually.ts";
import { type AQueen, ROOT, Workplace } from "../test/support/workplace.ts";

const HERE = join(ROOT, "examples");
const WORKER = /demo on desk answers at http:\/\/127\.0\.0\.1:\d+/;

/** What each example prints against a fleet with the demonstration model. */
const EXAMPLES: Readonly<Record<string, readonly RegExp[]>> = {
  library: [/^http:\/\/desk:9300\ntrue 1\n$/],
  direct: [WORKER, /a hive is the agent that looks after one computer/],
  "openai-client": [/the queen keeps the registry/],
  "fleet-fetch": [/^demo on desk answers:\n/, /a hive is the agent that looks after one computer/],
  "fleet-openai": [/the queen keeps the registry/],
  "fleet-ai-sdk": [/a worker is one inference server/],
  "fleet-reserve": [/demo on desk knows it as hive-demo, at http:\/\/127\.0\.0\.1:\d+\n/],
  "live-copy": [/^1 hives, 1 workers\n/, /a worker is one inference server/, /a heartbeat carries the full list/],
};

describe("examples", { timeout: 90_000 }, () => {
  let workplace: Workplace;
  let queen: AQueen;
  const run = (name: string, args: readonly string[] = [], url = queen.url) =>
    workplace.run(join(HERE, "dist", `${name}.js`), args, { env: { HIVE_QUEEN_URL: url } });

  beforeAll(async () => {
    workplace = new Workplace();
    queen = await workplace.queen();
    await workplace.agent(queen.url, ["--id", "desk"]);
    await eventually("a worker", () => queen.client.route("hive-demo").catch(() => undefined));
  });
  afterAll(() => workplace.end());

  test("are all tried here, and compiled", () => {
    const names = readdirSync(HERE)
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => file.slice(0, -".ts".length));
    expect(names.toSorted()).toEqual(Object.keys(EXAMPLES).toSorted());
    for (const name of names) expect(existsSync(join(HERE, "dist", `${name}.js`)), `npm run build: ${name}`).toBe(true);
  });

  test.each(Object.keys(EXAMPLES))("%s runs and prints what it promises", async (name) => {
    const { code, stdout, stderr } = await run(name);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const pattern of EXAMPLES[name] ?? []) expect(stdout).toMatch(pattern);
  });

  test("those in the guide are these, to the letter", () => {
    const guide = readFileSync(join(ROOT, "docs/guide/sdk.md"), "utf8");
    const shown = [...guide.matchAll(/<!-- examples\/([\w-]+)\.ts -->\s*```ts\n([\s\S]*?)```/g)];
    expect(shown.map(([, name]) => name)).toEqual(["fleet-openai", "fleet-ai-sdk", "fleet-fetch", "fleet-reserve"]);
    for (const [, name, text] of shown) expect(text, name).toBe(readFileSync(join(HERE, `${name}.ts`), "utf8"));
  });

  test("they take a model and a question, and fail where nobody has an answer", async () => {
    const asked = await run("direct", ["hive-demo", "Which gpu is best?"]);
    expect(asked.stdout).toContain("the scheduler prefers whatever is least busy");
    const alone = await workplace.queen(["--catalog", "memory", "--state-dir", join(workplace.root, "alone")]);
    const lonely = await run("direct", [], alone.url);
    expect(lonely.code).not.toBe(0);
    expect(lonely.stderr).toContain("NO_WORKER");
  });
});
