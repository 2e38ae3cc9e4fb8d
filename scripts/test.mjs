// npm test: installs, compiles, checks, and runs every test. With arguments only those: npm test -- packages/registry
import { bin, requireNode, run } from "./prepare.mjs";
import { needPrograms } from "./system-packages.mjs";

requireNode();
const only = process.argv.slice(2);
if (only.length === 0) {
  needPrograms(["nginx", "chromium", "ssh", "sshd"]);
  await import("./check.mjs");
} else {
  await import("./build.mjs");
}
run(bin("vitest"), ["run", ...only]);
