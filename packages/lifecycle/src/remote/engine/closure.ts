import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Preflight } from "../machine.ts";

/**
 * What node-llama-cpp loads only to build llama.cpp, for its command line, or to download models. It runs without, which
 * test/machines/with-llama.test.ts shows.
 */
const LEFT_BEHIND: ReadonlySet<string> = new Set(["cmake-js", "node-addon-api", "yargs", "@reflink/reflink"]);

/** A package of npm, where it lies and where it goes. */
export interface Placed {
  readonly from: string;
  /** Below the engine's folder: `node_modules/ora/node_modules/cli-spinners`. */
  readonly to: string;
}

interface Manifest {
  readonly name?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * A package and all that it needs at run time on such a system, as they are installed here, each found as Node finds it and placed so that
 * Node finds the same there. What is optional and not here, or for another system, is left out; so is a package that was put in the place of
 * another one to leave it empty.
 */
export function closureOf(folder: string, name: string, system: Pick<Preflight, "os" | "arch">): readonly Placed[] {
  const first: Placed = { from: realpathSync(folder), to: join("node_modules", name) };
  const sources = new Map([[first.to, first.from]]);
  const queue = [first];
  // Grows while it is walked.
  for (const { from, to } of queue) {
    const { dependencies = {}, optionalDependencies = {} } = manifestOf(from);
    for (const needed of new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies)])) {
      if (LEFT_BEHIND.has(needed)) continue;
      const source = packageFrom(from, needed);
      if (source === undefined || !runsOn(needed, manifestOf(source), system)) continue;
      if (needed in optionalDependencies && manifestOf(source).name !== needed) continue;
      const there = placeFrom(to, needed, sources);
      if (there !== undefined && sources.get(there) === source) continue;
      // Whoever finds another one of that name on the way up gets its own, beside nobody else's.
      const place = { from: source, to: join(...(there === undefined ? [] : [to]), "node_modules", needed) };
      sources.set(place.to, place.from);
      queue.push(place);
    }
  }
  return queue;
}

export const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** The real folder of a package, looked for from a folder up. */
export function packageFrom(folder: string, name: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = join(at, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return realpathSync(found);
    if (at === dirname(at)) return undefined;
  }
}

/** Where a package that was placed would find another one. */
function placeFrom(from: string, name: string, placed: ReadonlyMap<string, string>): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const found = join(at, "node_modules", name);
    if (placed.has(found)) return found;
    if (at === ".") return undefined;
  }
}

function runsOn(name: string, { os, cpu }: Manifest, system: Pick<Preflight, "os" | "arch">): boolean {
  // Those of llama.cpp itself say by their manifests on what they can be installed, which is more than on what they run.
  const [, built] = /^@node-llama-cpp\/(\w+-\w+)/.exec(name) ?? [];
  if (built !== undefined) return built === `${system.os === "darwin" ? "mac" : system.os}-${system.arch}`;
  return (os === undefined || os.includes(system.os)) && (cpu === undefined || cpu.includes(system.arch));
}
