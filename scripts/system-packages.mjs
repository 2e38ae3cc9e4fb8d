// Programs of the system that tests and benchmarks talk to. As root on Debian they are installed; elsewhere it is said what to install.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const PLACES = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/usr/bin"];

/** Debian's packages of programs that are not called as they are. */
const PACKAGE_OF = { ssh: "openssh-client", sshd: "openssh-server", promtool: "prometheus" };

const isThere = (program) => PLACES.some((place) => existsSync(join(place, program)));

/** Sees to it that these programs are there. Ends the process, saying what to install, where it cannot. */
export function needPrograms(names) {
  const missing = names.filter((name) => !isThere(name)).map((name) => PACKAGE_OF[name] ?? name);
  if (missing.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !isThere("apt-get")) {
    console.error(
      `Missing: ${missing.join(", ")}. On Debian: sudo apt-get install --no-install-recommends ${missing.join(" ")}`,
    );
    process.exit(1);
  }
  console.error(`Installing ${missing.join(", ")} (the first time only) …`);
  aptGet("update", "-q");
  aptGet("install", "-qy", "--no-install-recommends", ...missing);
}

function aptGet(...args) {
  // Its services must not be started: tests start what they need, on ports of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const { status, stdout, stderr, error } = spawnSync("apt-get", args, { env, encoding: "utf8" });
  if (status === 0) return;
  console.error(`apt-get ${args.join(" ")} failed: ${error?.message ?? ""}\n${stdout ?? ""}${stderr ?? ""}`);
  process.exit(1);
}
