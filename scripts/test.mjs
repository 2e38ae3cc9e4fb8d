// npm test: installs, compiles, checks, and runs every test. With arguments only those: npm test -- packages/registry
import { bundle } from "./bundle.mjs";
import { dashboard } from "./dashboard.mjs";
import { bin, requireNode, root, run } from "./prepare.mjs";
import { needPrograms } from "./system-packages.mjs";

requireNode();
const only = process.argv.slice(2);
if (only.length === 0) {
  needPrograms(["nginx", "chromium", "ssh", "sshd", "promtool"]);
  await import("./check.mjs");
  // What is brought to machines is one file, and browsers open the page that the queen serves.
  await Promise.all([bundle(root), dashboard(root)]);
} else {
  await import("./build.mjs");
}
run(bin("vitest"), ["run", ...only]);
