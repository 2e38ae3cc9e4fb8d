// npm run check: formatting, lint, and the types of tests, benches and examples.
import { join } from "node:path";
import { bin, build, install, requireNode, root, run } from "./prepare.mjs";

requireNode();
install();
build();
run(bin("biome"), ["check", "--error-on-warnings", "."]);
run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.tests.json"]);
