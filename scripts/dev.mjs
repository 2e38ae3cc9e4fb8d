// npm run dev: compiles again whenever a source changes, and makes the queen's page anew.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { bin, build, install, requireNode, root } from "./prepare.mjs";

requireNode();
install();
// The page is made of compiled packages: they must be there first.
build();

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const watchers = [
  spawn(process.execPath, [tsc, "-b", root, "--watch", "--preserveWatchOutput"], { cwd: root, stdio: "inherit" }),
  spawn(bin("vite"), ["build", "--watch", "--logLevel", "warn"], {
    ...{ cwd: join(root, "packages", "dashboard"), stdio: "inherit" },
    shell: process.platform === "win32",
  }),
];
const end = () => {
  for (const watcher of watchers) watcher.kill();
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, end);
for (const watcher of watchers) {
  watcher.on("exit", (code) => {
    process.exitCode ??= code ?? 0;
    end();
  });
}
