// npm run dev: compiles again whenever a source changes.
import { join } from "node:path";
import { install, requireNode, root, run } from "./prepare.mjs";

requireNode();
install();
run(process.execPath, [
  join(root, "node_modules", "typescript", "bin", "tsc"),
  "-b",
  root,
  "--watch",
  "--preserveWatchOutput",
]);
