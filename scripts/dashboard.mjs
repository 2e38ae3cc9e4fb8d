// The page that the queen serves, packages/queen/dist/dashboard: made by Vite of packages/dashboard and of the compiled packages that it uses.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** Compiled packages that are part of the page. */
const USED = ["registry", "contract", "client"];
/** Smaller files gain nothing. */
const COMPRESSED_BYTES_MIN = 1_024;

/** Makes the page anew when its sources, or what it uses, changed since. @param {string} root of the workspace, compiled */
export async function dashboard(root) {
  const home = join(root, "packages", "dashboard");
  const built = join(root, "packages", "queen", "dist", "dashboard");
  const stamp = join(root, "node_modules", ".hive-registry-dashboard");
  const wanted = digestOf(root, home);
  if (existsSync(join(built, "index.html")) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;

  const { build } = await import("vite");
  await build({ root: home, logLevel: "warn", configFile: join(home, "vite.config.ts") });
  compress(join(built, "assets"));
  writeFileSync(stamp, wanted);
}

function digestOf(root, home) {
  const digest = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  digest.update(readFileSync(new URL(import.meta.url)));
  for (const name of USED) {
    digest.update(`${name} ${statSync(join(root, "packages", name, "dist", ".tsbuildinfo")).mtimeMs}\n`);
  }
  const files = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !/[\\/](?:dist|node_modules|testing)[\\/]|\.test\.tsx?$/.test(path.slice(home.length)));
  for (const path of files.sort()) digest.update(`${path.slice(home.length)}\n`).update(readFileSync(path));
  return digest.digest("hex");
}

/** Beside each file: the queen hands out what the browser takes. */
function compress(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const bytes = readFileSync(path);
    if (bytes.length < COMPRESSED_BYTES_MIN || !/\.(?:js|css|svg|json)$/.test(name)) continue;
    writeFileSync(`${path}.br`, brotliCompressSync(bytes));
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  }
}
