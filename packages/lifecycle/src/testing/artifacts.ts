import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HiveError } from "@hive-registry/contract/errors";
import { afterEach } from "vitest";
import { type Artifacts, artifactOf } from "../remote/artifacts.ts";

const FAKE_HIVE = fileURLToPath(new URL("fake-hive.mjs", import.meta.url));

/** What is brought to machines in tests: a small program with the real one's words, and this process's Node. */
export function artifacts(): {
  /** Another `release` is another version of the program. */
  of(release: string): Artifacts;
  /** A folder with every program of this machine but those named. */
  pathWithout(...names: readonly string[]): string;
  /** A folder with a program of that name: a script of sh. */
  pathWith(name: string, script: string): string;
} {
  const folders: string[] = [];
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), "hive-artifacts-"));
    folders.push(made);
    return made;
  };
  afterEach(() => {
    for (const one of folders.splice(0)) rmSync(one, { recursive: true, force: true });
  });
  return {
    of: (release) => {
      const path = join(folder(), "bundle.js");
      copyFileSync(FAKE_HIVE, path);
      writeFileSync(path, `// ${release}\n`, { flag: "a" });
      return {
        agent: async () => {
          const artifact = await artifactOf(path, "");
          return { ...artifact, version: `${release}-${artifact.sha256.slice(0, 12)}` };
        },
        node: async () => artifactOf(process.execPath, process.versions.node),
        engine: async () => {
          throw new HiveError("ENGINE_MISSING", "There is none");
        },
      };
    },
    pathWithout: (...names) => {
      const made = folder();
      const left = new Set(names);
      for (const place of ["/usr/local/bin", "/usr/bin", "/bin"]) {
        for (const name of readdirSync(place)) {
          if (left.has(name)) continue;
          left.add(name);
          symlinkSync(join(place, name), join(made, name));
        }
      }
      return made;
    },
    pathWith: (name, script) => {
      const made = folder();
      mkdirSync(made, { recursive: true });
      writeFileSync(join(made, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      return made;
    },
  };
}
