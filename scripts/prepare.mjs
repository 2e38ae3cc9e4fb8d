// Makes a fresh clone ready: npm packages installed, TypeScript compiled. Each is done only when something changed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_MIN = [20, 19];
const stamp = join(root, "node_modules", ".hive-registry-installed");

/** Ends the process with what to do when this Node is too old. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  console.error(
    `Node ${process.versions.node} is too old: install ${NODE_MIN.join(".")} or newer from https://nodejs.org`,
  );
  process.exit(1);
}

/** Installs the npm packages that package-lock.json names, unless they are there already. */
export function install() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.error("Installing npm packages (the first time only) …");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** Compiles what changed, and sees to it that `npx hive` finds the outcome. */
export function build() {
  run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b", root]);
  for (const name of ["cli", "queen", "hive", "worker", "machine"]) {
    chmodSync(join(root, "packages", name, "dist", "main.js"), 0o755);
  }
  // npm links no command whose file is not there when it installs, and ours are compiled only now.
  if (!existsSync(bin("hive"))) {
    run("npm", ["rebuild", "--ignore-scripts", "--loglevel=error"], { stdio: ["ignore", "ignore", "inherit"] });
  }
}

/** Runs a program to its end; ends this process with its code when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32" && command === "npm",
    ...options,
  });
  if (error) {
    console.error(`${command} cannot be run: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? 1);
}

/** A program that an npm package brings. */
export const bin = (name) => join(root, "node_modules", ".bin", process.platform === "win32" ? `${name}.cmd` : name);
