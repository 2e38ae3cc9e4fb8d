import { posix } from "node:path";
import { codeOf } from "./source-text.ts";

/** A file of the tree: its path from the root, with slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What is wrong and where, in words. */
export type Fault = string;

/** Which package may import which. `types`: only what is gone after compiling. */
export const ARROWS: Readonly<Record<string, Readonly<Record<string, "code" | "types">>>> = {
  registry: {},
  command: {},
  contract: { registry: "types" },
  client: { registry: "code", contract: "types" },
  lifecycle: { contract: "code" },
  worker: { contract: "code", command: "code" },
  hive: { contract: "code", command: "code" },
  machine: { hive: "code", lifecycle: "code", contract: "code", command: "code" },
  queen: { registry: "code", contract: "code", lifecycle: "code", command: "code" },
  dashboard: { registry: "code", client: "code" },
  simulation: { registry: "code", contract: "code" },
  cli: { registry: "code", client: "code", simulation: "code", lifecycle: "code", command: "code" },
};

/** Packages whose programs another one starts: needed beside it, never imported. */
export const STARTS: Readonly<Record<string, readonly string[]>> = { cli: ["queen", "hive", "worker"] };

/** Folders of one package that know nothing of each other. */
export const STRANGERS: Readonly<Record<string, readonly string[]>> = { queen: ["catalog", "cluster", "gateway"] };

/** Words that the core must not know, and why. Its default clock lives in one file. */
const OUTSIDE_WORLD: readonly (readonly [RegExp, string])[] = [
  [/\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/, "a timer"],
  [/\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\b/, "a clock"],
  [/\bprocess\b/, "the process"],
  [/\b(?:fetch|WebSocket|EventSource|XMLHttpRequest)\b/, "the network"],
  [/\b(?:require|import)\s*\(/, "a module at run time"],
];
const CLOCK_FILE = "packages/registry/src/clock.ts";

export const COLUMNS_MAX = 160;

export interface Import {
  readonly from: string;
  readonly typesOnly: boolean;
}

/** Whatever a source imports or exports from elsewhere. */
export function importsOf(text: string): Import[] {
  const code = codeOf(text, { strings: "keep" });
  const found: Import[] = [];
  for (const [, word, rest = "", from = ""] of code.matchAll(
    /(?:^|[;}\n])\s*(import|export)\b([^;"'`()]*?)\bfrom\s*["']([^"']+)["']/g,
  )) {
    const names = /\{([^}]*)\}/.exec(rest)?.[1];
    const everyNameIsType =
      names !== undefined &&
      !/^\s*\w+\s*,/.test(rest) &&
      names.split(",").every((name) => name.trim() === "" || /^\s*type\s/.test(name));
    found.push({ from, typesOnly: /^\s*type\b/.test(rest) || (word !== undefined && everyNameIsType) });
  }
  for (const [, from = ""] of code.matchAll(/(?:^|[;}\n])\s*import\s*["']([^"']+)["']/g)) {
    found.push({ from, typesOnly: false });
  }
  for (const [, from = ""] of code.matchAll(/\b(?:import|require)\s*\(\s*["']([^"']+)["']/g)) {
    found.push({ from, typesOnly: false });
  }
  return found;
}

/** `@hive-registry/queen` and `hive-registry` as the folder below packages/; undefined for anything else. */
export function packageOf(specifier: string): string | undefined {
  if (specifier === "hive-registry" || specifier.startsWith("hive-registry/")) return "registry";
  return /^@hive-registry\/([^/]+)/.exec(specifier)?.[1];
}

const ownPackage = (path: string): string => path.split("/")[1] ?? "";

/** The arrows between packages, and no others. */
export function arrowFaults({ path, text }: SourceFile): Fault[] {
  const own = ownPackage(path);
  const allowed = ARROWS[own];
  if (allowed === undefined) return [`${path}: the package ${own} has no place among the arrows`];
  return importsOf(text).flatMap(({ from, typesOnly }) => {
    const other = packageOf(from);
    if (other === undefined || other === own) {
      const target = from.startsWith(".") ? posix.normalize(posix.join(posix.dirname(path), from)) : path;
      return ownPackage(target) === own && target.startsWith("packages/")
        ? []
        : [`${path}: ${from} is in another package`];
    }
    if (allowed[other] === undefined) return [`${path}: ${own} must not import ${other}`];
    return allowed[other] === "types" && !typesOnly ? [`${path}: ${own} may import only types of ${other}`] : [];
  });
}

/** Folders that never import each other. */
export function strangerFaults({ path, text }: SourceFile): Fault[] {
  const own = ownPackage(path);
  const strangers = STRANGERS[own] ?? [];
  const home = strangers.find((folder) => path.startsWith(`packages/${own}/src/${folder}/`));
  if (home === undefined) return [];
  return importsOf(text)
    .filter(({ from }) => from.startsWith("."))
    .map(({ from }) => posix.normalize(posix.join(posix.dirname(path), from)))
    .filter((target) =>
      strangers.some((folder) => folder !== home && target.startsWith(`packages/${own}/src/${folder}/`)),
    )
    .map((target) => `${path}: ${home}/ must not import ${target}`);
}

/** The core knows no clock but the one it is given, no timer, no process, no network, and nothing of Node. */
export function coreFaults({ path, text }: SourceFile): Fault[] {
  const faults = importsOf(text)
    .filter(({ from }) => !from.startsWith("./") && !from.startsWith("../"))
    .map(({ from }) => `${path}: the core imports ${from}`);
  if (path === CLOCK_FILE) return faults;
  const code = codeOf(text, { strings: "blank" });
  for (const [word, what] of OUTSIDE_WORLD) {
    const found = word.exec(code);
    if (found !== null) faults.push(`${path}: the core uses ${what} (${found[0]})`);
  }
  return faults;
}

interface PackageJson {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * package.json names what the sources import, and nothing else; what they import only types of may be a devDependency.
 * `sources` are those of the one package, without tests.
 */
export function dependencyFaults(name: string, packageJson: PackageJson, sources: readonly SourceFile[]): Fault[] {
  const { dependencies, optionalDependencies, peerDependencies, devDependencies = {} } = packageJson;
  const declared = new Set(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }));
  const imports = sources
    .flatMap(({ text }) => importsOf(text))
    .filter(({ from }) => !/^(?:\.|node:)/.test(from))
    .map(({ from, typesOnly }) => ({ dependency: dependencyOf(from), typesOnly }));
  const missing = imports.filter(
    ({ dependency, typesOnly }) =>
      !declared.has(dependency) && !(typesOnly && Object.hasOwn(devDependencies, dependency)),
  );
  const used = new Set([
    ...imports.map(({ dependency }) => dependency),
    ...(STARTS[name] ?? []).map((other) => `@hive-registry/${other}`),
  ]);
  return [
    ...[...new Set(missing.map(({ dependency }) => dependency))].map(
      (one) => `packages/${name}: imports ${one}, not in package.json`,
    ),
    ...[...declared]
      .filter((one) => !used.has(one))
      .map((one) => `packages/${name}: package.json names ${one}, which nothing imports`),
  ];
}

/** The package in a specifier: `@scope/name/part` is of `@scope/name`. */
const dependencyOf = (from: string): string =>
  from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");

/** Put together here, so that this file does not break its own rule. */
const UNFINISHED = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`);
const NOT_RUN =
  /\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.(?:skip|only|todo|skipIf|runIf|fails)\b|\bx(?:it|describe|test)\(/;
/** Invented people may have a home: in tests and documents. */
const HOME = /(?:\/home|\/Users)\/(?!(?:me|you|ada|user)\b)\w+|\/root\/\w|[A-Z]:\\\\?Users\\/;
/** Nothing but one string, or one value of JSON, however long: a formatter cannot break it, and people should not. */
const ONE_STRING = /^\s*(?:\w+: |\w+\(|return |\? |: )?(?:(["'`]).*\1|\{".*\})[;,)]*$/;

/** What no file may hold, whatever it is about. */
export function textFaults({ path, text }: SourceFile, { root }: { readonly root: string }): Fault[] {
  const faults: Fault[] = [];
  const isCode = /\.(?:[cm]?ts|mjs|json)$/.test(path);
  for (const [index, line] of text.split("\n").entries()) {
    const where = `${path}:${index + 1}`;
    if (UNFINISHED.test(line)) faults.push(`${where}: unfinished work: ${line.trim()}`);
    if (HOME.test(line) || line.includes(root)) faults.push(`${where}: a place on somebody's machine: ${line.trim()}`);
    if (isCode && [...line].length > COLUMNS_MAX && !ONE_STRING.test(line)) {
      faults.push(`${where}: ${[...line].length} columns, at most ${COLUMNS_MAX}`);
    }
  }
  if (/\.test\.ts$/.test(path)) {
    const found = NOT_RUN.exec(codeOf(text, { strings: "blank" }));
    if (found !== null) faults.push(`${path}: a test that is not always run (${found[0]})`);
  }
  return faults;
}

/** Every code that an error is made with stands in a table. */
export function codeFaults({ path, text }: SourceFile, known: ReadonlySet<string>): Fault[] {
  const code = codeOf(text, { strings: "keep" });
  return [...code.matchAll(/\bnew (?:HiveError|ClientError)\(\s*"([^"]+)"/g)]
    .map(([, name]) => name as string)
    .filter((name) => !known.has(name))
    .map((name) => `${path}: the error code ${name} is in no table`);
}
