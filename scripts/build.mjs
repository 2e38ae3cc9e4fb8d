// npm run build: installs, compiles, and puts each program into one file.
import { bundle } from "./bundle.mjs";
import { build, install, requireNode, root } from "./prepare.mjs";

requireNode();
install();
build();
await bundle(root);
