// npm run build: installs, compiles, puts each program into one file, and makes the page that the queen serves.
import { bundle } from "./bundle.mjs";
import { dashboard } from "./dashboard.mjs";
import { build, install, requireNode, root } from "./prepare.mjs";

requireNode();
install();
build();
await Promise.all([bundle(root), dashboard(root)]);
