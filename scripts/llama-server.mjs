// npm run llama-server: builds llama.cpp's own server from the source inside node-llama-cpp's package, for the test that uses it.
// About 12 minutes of CPU time, once for each version of llama.cpp; a build that was interrupted goes on where it was.
// Where the program lies is all that stdout gets. HIVE_LLAMA_SERVER_DIR is another folder for it than .cache/llama-server.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, constants, setPriority } from "node:os";
import { join, resolve } from "node:path";
import { install, requireNode, root, run } from "./prepare.mjs";
import { needPrograms } from "./system-packages.mjs";

/** The server alone, for the CPU, in one file that needs nothing beside it and speaks plain HTTP. */
const OPTIONS = [
  "-DCMAKE_BUILD_TYPE=Release",
  "-DBUILD_SHARED_LIBS=OFF",
  "-DGGML_NATIVE=OFF",
  "-DGGML_METAL=OFF",
  "-DGGML_OPENMP=OFF",
  "-DGGML_CCACHE=OFF",
  "-DLLAMA_OPENSSL=OFF",
  ...["TESTS", "EXAMPLES", "APP", "UI"].map((part) => `-DLLAMA_BUILD_${part}=OFF`),
  "-DLLAMA_USE_PREBUILT_UI=OFF",
];
/** The machine is wanted for other things too. */
const JOBS_MAX = 2;

const folder = resolve(process.env.HIVE_LLAMA_SERVER_DIR || join(root, ".cache", "llama-server"));
const program = join(folder, "bin", "llama-server");
const stamp = join(folder, "bin", "built-from");

if (process.platform === "win32") {
  console.error("This is written for Linux and macOS. Name a llama-server of your own: HIVE_LLAMA_SERVER=PATH");
  process.exit(1);
}
requireNode();
install();
const packed = join(root, "node_modules", "node-llama-cpp", "llama");
const bundle = join(packed, "gitRelease.bundle");
const { tag } = JSON.parse(readFileSync(join(packed, "llama.cpp.info.json"), "utf8"));
const wanted = createHash("sha256").update(readFileSync(bundle)).update(OPTIONS.join(" ")).digest("hex");
if (!existsSync(program) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) build();
console.log(program);

function build() {
  needPrograms(["git", "cmake", "make", "g++"]);
  setPriority(constants.priority.PRIORITY_LOW);
  const jobs = Math.min(JOBS_MAX, availableParallelism());
  console.error(`Building llama-server of llama.cpp ${tag}, ${jobs} files at a time. This takes minutes, once …`);
  const workplace = join(folder, `build-${wanted.slice(0, 12)}`);
  mkdirSync(workplace, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (name.startsWith("build-") && join(folder, name) !== workplace) remove(join(folder, name));
  }
  const source = join(workplace, "source");
  if (!existsSync(source)) {
    remove(`${source}.part`);
    toStderr("git", ["-c", "advice.detachedHead=false", "clone", "--quiet", bundle, `${source}.part`]);
    renameSync(`${source}.part`, source);
  }
  const made = join(workplace, "made");
  toStderr("cmake", ["-S", source, "-B", made, ...OPTIONS]);
  toStderr("cmake", ["--build", made, "--target", "llama-server", "--parallel", String(jobs)]);
  replaceBy(join(made, "bin", "llama-server"));
  remove(workplace);
}

/** In one step, so that nobody starts half of it. The stamp comes last: without it, it is not there. */
function replaceBy(built) {
  mkdirSync(join(folder, "bin"), { recursive: true });
  remove(stamp);
  cpSync(built, `${program}.part`);
  renameSync(`${program}.part`, program);
  writeFileSync(stamp, wanted);
}

function toStderr(command, args) {
  run(command, args, { stdio: ["ignore", 2, 2] });
}

function remove(path) {
  rmSync(path, { recursive: true, force: true });
}
