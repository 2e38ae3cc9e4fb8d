import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ERROR_STATUS } from "@hive-registry/contract";
import { describe, expect, test } from "vitest";
import { codeOf } from "./support/source-text.ts";
import {
  ARROWS,
  arrowFaults,
  codeFaults,
  coreFaults,
  dependencyFaults,
  importsOf,
  type SourceFile,
  STARTS,
  strangerFaults,
  textFaults,
} from "./support/tidy-rules.ts";
import { ROOT } from "./support/workplace.ts";

const NOT_OURS = new Set(["node_modules", "dist", ".git", ".cache", "coverage", "package-lock.json"]);

/** Every file of the tree that people write. */
function filesBelow(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (NOT_OURS.has(entry.name)) return [];
    if (entry.isDirectory()) return filesBelow(path);
    return /\.(?:[cm]?tsx?|css|mjs|json|md|svg)$|^\.ci\/|^LICENSE$/.test(path)
      ? [{ path, text: readFileSync(join(ROOT, path), "utf8") }]
      : [];
  });
}

const FILES = filesBelow("");
const isTest = ({ path }: SourceFile) => path.endsWith(".test.ts") || path.includes("/testing/");
/** What is shipped. */
const SOURCES = FILES.filter((file) => /^packages\/\w+\/src\/.*\.tsx?$/.test(file.path) && !isTest(file));
const PACKAGES = readdirSync(join(ROOT, "packages"));
const packageJsonOf = (name: string) => JSON.parse(readFileSync(join(ROOT, "packages", name, "package.json"), "utf8"));

describe("the source tree", () => {
  test("has the packages that the arrows name, each with the same version and a README", () => {
    expect(PACKAGES.toSorted()).toEqual(Object.keys(ARROWS).toSorted());
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    for (const name of PACKAGES) {
      const { version: own, license, type, engines, dependencies = {} } = packageJsonOf(name);
      expect({ name, own, license, type, engines }).toEqual({
        ...{ name, own: version, license: "MIT", type: "module", engines: { node: ">=20.19" } },
      });
      const others = Object.entries<string>(dependencies).filter(([one]) =>
        /^(@hive-registry\/|hive-registry$)/.test(one),
      );
      for (const [one, range] of others) expect([name, one, range]).toEqual([name, one, version]);
      expect(existsSync(join(ROOT, "packages", name, "README.md")), `packages/${name}/README.md`).toBe(true);
    }
    for (const file of ["README.md", "LICENSE"]) expect(existsSync(join(ROOT, file)), file).toBe(true);
  });

  test("has no arrow between packages but those of the design", () => {
    expect(SOURCES.length).toBeGreaterThan(100);
    expect(SOURCES.flatMap(arrowFaults)).toEqual([]);
  });

  test("declares in each package.json what its sources import, and nothing else", () => {
    const faults = PACKAGES.flatMap((name) =>
      dependencyFaults(
        name,
        packageJsonOf(name),
        SOURCES.filter(({ path }) => path.startsWith(`packages/${name}/`)),
      ),
    );
    expect(faults).toEqual([]);
  });

  test("keeps the queen's catalog, cluster and gateway strangers to each other", () => {
    expect(SOURCES.flatMap(strangerFaults)).toEqual([]);
  });

  test("has a core without dependencies, clocks, timers, processes and networks", () => {
    const core = SOURCES.filter(({ path }) => path.startsWith("packages/registry/"));
    expect(core.length).toBeGreaterThan(5);
    expect(core.flatMap(coreFaults)).toEqual([]);
    const { dependencies = {}, peerDependencies = {}, optionalDependencies = {} } = packageJsonOf("registry");
    expect({ ...dependencies, ...peerDependencies, ...optionalDependencies }).toEqual({});
  });

  test("has no unfinished work, no test that is not run, no endless line, and nobody's home in it", () => {
    // Of a checkout in `/src` or the like every path would be a fault.
    const root = ROOT.split("/").length > 3 ? ROOT.replace(/\/$/, "") : "\u0000";
    expect(FILES.flatMap((file) => textFaults(file, { root }))).toEqual([]);
  });

  test("makes errors only with codes that stand in a table", () => {
    const known = new Set(Object.keys(ERROR_STATUS));
    expect(SOURCES.flatMap((file) => codeFaults(file, known))).toEqual([]);
  });
});

describe("the rules themselves", () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });

  test("read code without being fooled by comments, strings, templates and regular expressions", () => {
    const source = [
      "const a = 'it // is'; // a comment with \"quotes",
      "const b = `one $".concat("{call({ c: `two $", "{d}` })} three // no comment`;"),
      "const e = /[\"'`/]/.test(x) / 2; /* over",
      "two lines */ const f = 1;",
    ].join("\n");
    expect(codeOf(source, { strings: "blank" }).replaceAll(/ +/g, " ").split("\n")).toEqual([
      "const a = ; ",
      "const b = call({ c: d }) ;",
      "const e = .test(x) / 2; ",
      " const f = 1;",
    ]);
    expect(codeOf(source, { strings: "keep" })).toContain("{d}` })} three // no comment`;");
    expect(codeOf(source, { strings: "keep" })).not.toContain("a comment");
  });

  test("find every kind of import", () => {
    const source = [
      'import type { A } from "types-only";',
      'import { type B, type C } from "types-inline";',
      'import { type D, e } from "mixed";',
      'import f, { type G } from "default-too";',
      'import {\n  h,\n  i,\n} from "many-lines";',
      'export * from "again";',
      'export type { J } from "types-again";',
      'import "effect";',
      'const k = await import("lazy");',
      '// import { l } from "comment";',
      "const m = 'import { n } from \"string\";';",
    ].join("\n");
    const found = importsOf(source);
    expect(found.filter(({ typesOnly }) => typesOnly).map(({ from }) => from)).toEqual([
      "types-only",
      "types-inline",
      "types-again",
    ]);
    expect(found.filter(({ typesOnly }) => !typesOnly).map(({ from }) => from)).toEqual([
      ...["mixed", "default-too", "many-lines", "again", "effect", "lazy"],
    ]);
  });

  test("refuse an arrow that is not in the design", () => {
    const bad = (path: string, text: string) => arrowFaults(file(path, text)).join();
    expect(bad("packages/registry/src/a.ts", 'import { b } from "@hive-registry/queen";')).toContain(
      "must not import queen",
    );
    expect(bad("packages/client/src/a.ts", 'import { b } from "@hive-registry/contract";')).toContain("only types");
    expect(bad("packages/client/src/a.ts", 'import type { B } from "@hive-registry/contract";')).toBe("");
    expect(bad("packages/cli/src/a.ts", 'const b = await import("@hive-registry/queen");')).toContain(
      "must not import",
    );
    expect(bad("packages/hive/src/a/b.ts", 'import { c } from "../../../queen/src/c.ts";')).toContain(
      "another package",
    );
    expect(bad("packages/hive/src/a/b.ts", 'import { c } from "../c.ts";')).toBe("");
    expect(bad("packages/unheard-of/src/a.ts", "")).toContain("no place among the arrows");
    expect(STARTS.cli).toContain("queen");
  });

  test("refuse strangers that meet, and a core that looks outside", () => {
    const meet = file("packages/queen/src/catalog/a.ts", 'import { b } from "../gateway/b.ts";');
    expect(strangerFaults(meet)).toHaveLength(1);
    expect(strangerFaults(file("packages/queen/src/http/a.ts", 'import { b } from "../gateway/b.ts";'))).toEqual([]);
    for (const text of [
      'import { readFileSync } from "node:fs";',
      "setTimeout(run, 1);",
      "const now = Date.now();",
      "const now = new Date();",
      "performance.now();",
      "process.env.HOME;",
      "await fetch(url);",
      'await import("./later.ts");',
    ]) {
      expect(coreFaults(file("packages/registry/src/a.ts", text)), text).toHaveLength(1);
    }
    const fine =
      '// Date.now() is not used\nconst a = "setTimeout"; Date.parse(b); new Date(c); import type { D } from "./d.ts";';
    expect(coreFaults(file("packages/registry/src/a.ts", fine))).toEqual([]);
    expect(coreFaults(file("packages/registry/src/clock.ts", "performance.now();"))).toEqual([]);
  });

  test("refuse dependencies that are missing or needless", () => {
    const sources = [file("packages/cli/src/a.ts", 'import { b } from "commander/esm";\nimport { c } from "node:fs";')];
    expect(dependencyFaults("cli", { dependencies: { "@hive-registry/queen": "1" } }, sources)).toEqual([
      "packages/cli: imports commander, not in package.json",
    ]);
    expect(
      dependencyFaults("hive", { dependencies: { "@hive-registry/queen": "1", commander: "1" } }, sources),
    ).toEqual(["packages/hive: package.json names @hive-registry/queen, which nothing imports"]);
  });

  test("take a devDependency for types, and only for them", () => {
    const only = (text: string) =>
      dependencyFaults("worker", { devDependencies: { pino: "1" } }, [file("packages/worker/src/a.ts", text)]);
    expect(only('import type { Logger } from "pino";')).toEqual([]);
    expect(only('import { pino } from "pino";')).toHaveLength(1);
  });

  test("refuse unfinished work, tests that are not run, endless lines, homes, and unknown codes", () => {
    const faults = (path: string, text: string) => textFaults(file(path, text), { root: "/place/of/checkout" });
    expect(faults("a.md", `- ${"TO"}${"DO"} later`)).toHaveLength(1);
    expect(faults("a.ts", `// ${"FIX"}${"ME"}`)).toHaveLength(1);
    expect(faults("a.ts", `const a = [${"1, ".repeat(60)}];`)).toHaveLength(1);
    expect(faults("a.ts", `  "${"long ".repeat(60)}",`)).toEqual([]);
    expect(faults("a.md", "long ".repeat(60))).toEqual([]);
    expect(faults("a.md", ["see /home", "carol/notes"].join("/"))).toHaveLength(1);
    expect(faults("a.md", "see /home/ada/notes")).toEqual([]);
    expect(faults("a.json", '"/place/of/checkout/b"')).toHaveLength(1);
    for (const way of ["test.only(", "describe.skip(", "it.todo(", "test.concurrent.skip(", "test.skipIf(a)("]) {
      expect(faults("a.test.ts", `${way}"a", b);`), way).toHaveLength(1);
    }
    expect(faults("a.test.ts", 'test("test.only is refused", b);')).toEqual([]);
    const known = new Set(["NO_WORKER"]);
    expect(
      codeFaults(file("a.ts", 'throw new HiveError("NO_WORKER", "x"); new HiveError(\n  "NO_SUCH", "x")'), known),
    ).toEqual(["a.ts: the error code NO_SUCH is in no table"]);
  });
});
