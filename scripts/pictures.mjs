// npm run pictures: takes the pictures of README and guide anew, by the tests that look at the dashboard in a browser.
import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { bin, requireNode, root, run } from "./prepare.mjs";
import { needPrograms } from "./system-packages.mjs";

/** As they are called in docs/pictures, and what the tests call them. */
const PICTURES = {
  "fleet-light": "fleet-desk-light",
  "fleet-dark": "fleet-desk-dark",
  "fleet-phone": "fleet-phone-dark",
  hive: "hive-desk-light",
  history: "hive-history-desk-light",
  playground: "playground-desk-light",
  operation: "operation-running-desk-light",
  events: "events-desk-light",
};
/** Everybody who clones gets them. */
const BYTES_MAX = 200_000;

requireNode();
needPrograms(["chromium"]);
await import("./build.mjs");
run(bin("vitest"), ["run", "test/dashboard"]);

const folder = join(root, "docs", "pictures");
mkdirSync(folder, { recursive: true });
for (const [name, picture] of Object.entries(PICTURES)) {
  const from = join(root, "test-results", "dashboard", `${picture}.png`);
  const { size } = statSync(from);
  if (size > BYTES_MAX) throw new Error(`${from} has ${size} bytes, more than ${BYTES_MAX}`);
  copyFileSync(from, join(folder, `${name}.png`));
}
console.log(`${Object.keys(PICTURES).length} pictures in docs/pictures`);
