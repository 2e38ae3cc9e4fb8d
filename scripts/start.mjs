// npm start: installs, compiles, puts each program into one file, makes the page that the queen serves and runs `hive
// up`. What follows `--` goes to it: npm start -- --port 0
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { bundle } from "./bundle.mjs";
import { dashboard } from "./dashboard.mjs";
import { build, install, requireNode, root } from "./prepare.mjs";

requireNode();
install();
build();
await Promise.all([bundle(root), dashboard(root)]);

const main = join(root, "packages", "cli", "dist", "bundle.js");
const hive = spawn(process.execPath, [main, "up", ...process.argv.slice(2)], { stdio: "inherit" });
// Ctrl-C reaches `hive up` by itself, being in the same foreground group; other signals are handed on.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => hive.kill(signal));
hive.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
