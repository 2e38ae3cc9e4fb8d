// Each program as one file, dist/bundle.js beside its parts: it loads in a third of the time, and npm start runs it. Nothing else differs,
// so tests and development use the parts, which are never out of date.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PROGRAMS = ["cli", "queen", "hive", "worker", "machine"];
/** What a hive uses of the worker itself, without its neighbours: it goes to machines along with the worker's program. */
const LIBRARY = { entry: join("worker", "dist", "index.js"), outfile: join("worker", "dist", "index.bundle.js") };
/** Is in none of them. */
const PAGE = "dashboard";
/** Is copied alone to machines: nothing may lie beside it, and it should be small. */
const ALONE = new Set(["machine"]);
/** Native, with files of their own that they look for beside themselves, or needed by one command alone. */
const LEFT_OUTSIDE = ["libsql", "node-llama-cpp", "@fastify/swagger", "@fastify/swagger-ui", "ink", "react"];
/** For what was CommonJS. */
const REQUIRE =
  'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';

/** Makes the bundles anew when something was compiled since. @param {string} root of the workspace, compiled */
export async function bundle(root) {
  const stamp = join(root, "node_modules", ".hive-registry-bundled");
  const of = (name) => join(root, "packages", name, "dist");
  const inputs = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  inputs.update(readFileSync(new URL(import.meta.url)));
  for (const name of readdirSync(join(root, "packages")).filter((name) => name !== PAGE))
    inputs.update(`${name} ${statSync(join(of(name), ".tsbuildinfo")).mtimeMs}\n`);
  const wanted = inputs.digest("hex");
  const outputs = PROGRAMS.map((name) => join(of(name), "bundle.js"));
  const library = join(root, "packages", LIBRARY.outfile);
  if ([...outputs, library].every(existsSync) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;

  const { build } = await import("esbuild");
  const bundled = { absWorkingDir: root, bundle: true, platform: "node", target: "node20", format: "esm" };
  const options = { ...bundled, external: LEFT_OUTSIDE, banner: { js: REQUIRE }, keepNames: true, logLevel: "warning" };
  await Promise.all([
    build({ ...options, entryPoints: [join(root, "packages", LIBRARY.entry)], outfile: library }),
    ...PROGRAMS.map((name, at) =>
      build({
        ...options,
        entryPoints: [join(of(name), "main.js")],
        outfile: outputs[at],
        ...(ALONE.has(name) ? aloneOptions(root) : { sourcemap: true, sourcesContent: false }),
      }),
    ),
  ]);
  writeFileSync(stamp, wanted);
}

/** @param {string} root of the workspace */
const aloneOptions = (root) => ({
  external: [],
  minify: true,
  // Faster ways to do what it does, for who has a compiler: it is told not to look for them.
  define: { "process.env.WS_NO_BUFFER_UTIL": '"1"', "process.env.WS_NO_UTF_8_VALIDATE": '"1"' },
  plugins: [versionInside(root)],
});

/** A program whose package.json stays behind carries its version inside. */
const versionInside = (root) => ({
  name: "version-inside",
  setup({ onLoad }) {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    onLoad({ filter: /packages\/hive\/dist\/version\.js$/ }, () => ({
      contents: `export const VERSION = ${JSON.stringify(version)};`,
    }));
  },
});
