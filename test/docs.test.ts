import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ERROR_MEANING, ERROR_STATUS } from "@hive-registry/contract";
import { describe, expect, test, vi } from "vitest";
import { startNode } from "./support/processes.ts";
import { aWorkplace, PROGRAM, ROOT } from "./support/workplace.ts";

const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** Names that look like error codes and are not. */
const OTHER_NAMES = ["ERROR_STATUS", "ERROR_MEANING", "NO_COLOR", "SERVER_ENGINES"];
/** Names the variables with which a worker is given a device. */
const DEVICE_VARIABLES = "packages/hive/src/workers/engines/visible-device.ts";

/** Every document that people read, from the root. */
const DOCUMENTS: readonly string[] = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"],
  ...markdownIn("docs"),
  ...readdirSync(join(ROOT, "packages")).map((name) => join("packages", name, "README.md")),
];

/** For machines that are busy with something else, too. */
vi.setConfig({ testTimeout: 120_000 });

describe("documents that are made from the code", () => {
  test("are those of today's code", async () => {
    const place = aWorkplace();
    const ran = await place.run(join(ROOT, "scripts/generate-docs.mjs"), ["--print"]);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const made = JSON.parse(ran.stdout) as Record<string, string>;
    expect(Object.keys(made)).toEqual([
      "docs/reference/errors.md",
      "docs/reference/metrics.md",
      "docs/reference/openapi.json",
      "docs/reference/hive-openapi.json",
    ]);
    for (const [file, text] of Object.entries(made)) {
      expect(textOf(file), `${file} is stale: npm run docs`).toBe(text);
    }
  });

  test("errors.md has each error code once, with its status and its meaning, and no other", () => {
    const section =
      textOf("docs/reference/errors.md")
        .split(/^## /m)
        .find((part) => part.startsWith("Of the queen")) ?? "";
    const rows = [...section.matchAll(/^\| `(\w+)` \| (\d+) \| (.*) \|$/gm)].map(([, code, status, meaning]) => [
      code,
      Number(status),
      meaning,
    ]);
    const codes = Object.keys(ERROR_STATUS) as (keyof typeof ERROR_STATUS)[];
    expect(rows).toEqual(codes.map((code) => [code, ERROR_STATUS[code], ERROR_MEANING[code]]));
    expect(Object.keys(ERROR_MEANING).sort()).toEqual([...codes].sort());
  });
});

describe("what documents name exists", () => {
  test("links lead to files and to headings", () => {
    const broken = DOCUMENTS.flatMap((document) =>
      linksIn(textOf(document))
        .filter((link) => !leadsSomewhere(document, link))
        .map((link) => `${document}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test("error codes, and what else is written as they are", () => {
    const ours = [...codesIn("packages/worker/src/fatal.ts"), ...OTHER_NAMES];
    const variables = textOf(DEVICE_VARIABLES).match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
    const known = new Set([...Object.keys(ERROR_STATUS), ...ours, ...variables]);
    const unknown = DOCUMENTS.flatMap((document) =>
      [...textOf(document).matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)]
        .map(([, code]) => code as string)
        .filter((code) => !/^(?:HIVE|XDG)_/.test(code) && !known.has(code))
        .map((code) => `${document}: ${code}`),
    );
    expect(unknown).toEqual([]);
  });

  test("environment variables", () => {
    const sources = sourcesIn("packages").map(textOf).join("\n");
    const known = new Set([...Object.keys(ERROR_STATUS), ...(sources.match(/\bHIVE_[A-Z_]+\b/g) ?? [])]);
    const unknown = DOCUMENTS.flatMap((document) =>
      (textOf(document).match(/\bHIVE_[A-Z_]+\b/g) ?? [])
        .filter((name) => !known.has(name))
        .map((name) => `${document}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  test("npm scripts", () => {
    const { scripts } = JSON.parse(textOf("package.json")) as { readonly scripts: Readonly<Record<string, string>> };
    const named = DOCUMENTS.flatMap((document) =>
      [...textOf(document).matchAll(/\bnpm (?:run ([a-z]+(?:-[a-z]+)*)|(start|test))\b/g)].map(
        ([, run, short]) => run ?? short ?? "",
      ),
    );
    expect([...new Set(named)].filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  test("commands and flags of `hive`", async () => {
    const place = aWorkplace();
    const named = new Map<string, Set<string>>();
    for (const document of DOCUMENTS) {
      for (const { command, flags } of hiveCommandsIn(textOf(document))) {
        const all = named.get(command) ?? new Set();
        for (const flag of flags) all.add(flag);
        named.set(command, all);
      }
    }
    expect(named.size).toBeGreaterThan(8);
    const unknown: string[] = [];
    for (const [command, flags] of named) {
      const { code, stdout } = await place.run(PROGRAM.hive, [...command.split(" "), "--help"]);
      if (code !== 0) unknown.push(`hive ${command}`);
      for (const flag of flags) if (!stdout.includes(flag)) unknown.push(`hive ${command} ${flag}`);
    }
    expect(unknown).toEqual([]);
  });
});

describe("the README's programs", () => {
  test("the library's ten lines are examples/library.ts, and print what they say", async () => {
    const program = codeAfter("README.md", "the-library");
    expect(program).toBe(textOf("examples/library.ts"));
    expect(program.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(10);

    const print = vi.spyOn(console, "log").mockImplementation(() => undefined);
    try {
      await import("../examples/library.ts");
      const printed = print.mock.calls.map((words) => words.join(" "));
      expect(printed).toEqual([...program.matchAll(/^console\.log.*; \/\/ (.*)$/gm)].map(([, said]) => said));
      expect(printed.length).toBeGreaterThan(0);
    } finally {
      print.mockRestore();
    }
  });

  test("the openai client gets a whole answer from the queen's address", async () => {
    const place = aWorkplace();
    const queen = await place.queen(["--catalog", "memory"]);
    await place.agent(queen.url);
    await vi.waitUntil(async () => (await queen.client.models()).some(({ idle_workers }) => idle_workers > 0), {
      timeout: 60_000,
      interval: 50,
    });
    const program = codeAfter("README.md", "the-openai-client").replaceAll("http://127.0.0.1:7833", queen.url);
    // From here, where `openai` is installed.
    const asking = startNode({ args: ["--input-type=module", "--eval", program], env: place.env, cwd: ROOT });
    expect(await asking.exited, asking.stderr()).toEqual({ code: 0, signal: null });
    expect(asking.stdout()).toMatch(/^(?:\S+ ){20,}/);
  });
});

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(folder, file))
    .sort();
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /(?:^|\/)src\/.*\.ts$/.test(file) && !file.endsWith(".test.ts"))
    .map((file) => join(folder, file));
}

/** The first block of code after a comment of this name. */
function codeAfter(document: string, name: string): string {
  const found = new RegExp(`<!-- ${name} -->\\s*\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(textOf(document));
  if (found === null) throw new Error(`${document} has no block after <!-- ${name} -->`);
  return found[1] as string;
}

/** Targets of links and pictures on this side of the network. */
function linksIn(text: string): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link as string)
    .filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? document : relative(ROOT, resolve(ROOT, dirname(document), path));
  if (target.startsWith("..") || !existsSync(join(ROOT, target))) return false;
  return heading === undefined || headingsIn(textOf(target)).includes(heading);
}

/** As GitHub makes them. */
function headingsIn(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

const codesIn = (source: string): string[] =>
  [...textOf(source).matchAll(/\| "([A-Z_]+)"/g)].map(([, code]) => code as string);

/** Each `npx hive COMMAND --flag …` in a block of code. */
function hiveCommandsIn(text: string): { readonly command: string; readonly flags: readonly string[] }[] {
  const blocks = [...text.matchAll(/```(?:sh|console)\n([\s\S]*?)```/g)].map(([, block]) => block as string);
  return blocks
    .flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
    .flatMap((line) => [...line.matchAll(/\bnpx hive ((?:worker )?[a-z]+)([^|;&#]*)/g)])
    .map(([, command, rest]) => ({ command: command as string, flags: rest?.match(/(?<= )--[a-z-]+/g) ?? [] }));
}
