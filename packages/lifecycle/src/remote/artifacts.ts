import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HiveError } from "@hive-registry/contract/errors";
import { type BundledEngine, bundledEngine } from "./engine/engine.ts";
import type { Preflight, Waiting } from "./machine.ts";
import { type NodeDeps, nodeFor } from "./node-binary.ts";

/** A file of the queen's machine that is brought to another one. */
export interface Artifact {
  readonly path: string;
  /** Of the agent: the package's version, a dash, and the first 12 digits of its SHA-256. Of a Node: its own. */
  readonly version: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What is brought to machines, and where it comes from. */
export interface Artifacts {
  /** @throws {HiveError} `AGENT_MISSING` */
  agent(): Promise<Artifact>;
  /** @throws {HiveError} `NODE_MISSING` when there is none for such a machine. */
  node(system: Pick<Preflight, "os" | "arch">, waiting?: Waiting): Promise<Artifact>;
  /** @throws {HiveError} `ENGINE_MISSING` when there is none for such a machine. */
  engine(system: Pick<Preflight, "os" | "arch">): Promise<BundledEngine>;
}

/**
 * The agent and the engine that are installed beside a module, and this program's own Node, or npm's copies of it for other systems.
 *
 * @param options.beside `import.meta.url` of who asks: `@hive-registry/machine` is looked for as Node looks for packages from there.
 * @param options.cache_dir Where Nodes for other systems are kept once they were fetched.
 */
export function artifactsBeside(
  deps: NodeDeps,
  options: { readonly beside: string; readonly cache_dir: string },
): Artifacts {
  const fetching = new Map<string, Promise<Artifact>>();
  return {
    agent: async () => {
      const path = agentBeside(fileURLToPath(options.beside));
      if (path === undefined) {
        throw new HiveError(
          "AGENT_MISSING",
          "The program that is brought to machines is not there: make it with npm run build, or install @hive-registry/machine",
        );
      }
      const artifact = await artifactOf(path, "");
      return { ...artifact, version: `${versionBeside(path)}-${artifact.sha256.slice(0, 12)}` };
    },
    node: async (system, waiting) => {
      // Ten machines that are added at once need one copy, and who stops waiting for it takes it from none of the others.
      const key = `${system.os}-${system.arch}`;
      const copy = fetching.get(key) ?? nodeFor(deps, { ...system, cache_dir: options.cache_dir });
      fetching.set(key, copy);
      const forget = () => {
        if (fetching.get(key) === copy) fetching.delete(key);
      };
      copy.then(forget, forget);
      return unlessCancelled(copy, waiting?.signal);
    },
    engine: (system) => bundledEngine(dirname(fileURLToPath(options.beside)), system),
  };
}

/** @throws {HiveError} `AGENT_MISSING` when it cannot be read. */
export async function artifactOf(path: string, version: string): Promise<Artifact> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (cause) {
    throw new HiveError("AGENT_MISSING", "What is to be brought to the machine cannot be read", { cause });
  }
  return { path, version, sha256: hash.digest("hex"), bytes };
}

async function unlessCancelled<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let cancel: () => void = () => undefined;
  const cancelled = new Promise<never>((_, reject) => {
    cancel = () => reject(new HiveError("CANCELLED", "It was cancelled: fetching a Node for the machine"));
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel, { once: true });
  });
  try {
    return await Promise.race([promise, cancelled]);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function agentBeside(from: string): string | undefined {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", "@hive-registry", "machine", "dist", "bundle.js");
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

function versionBeside(bundle: string): string {
  const text = readFileSync(join(dirname(bundle), "..", "package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
