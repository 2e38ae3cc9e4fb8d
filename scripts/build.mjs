// npm run build: installs and compiles.
import { build, install, requireNode } from "./prepare.mjs";

requireNode();
install();
build();
