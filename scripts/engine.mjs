// npm run engine -- cuda|vulkan: fetches llama.cpp's binaries for this kind of GPU. npm run engine -- cpu removes them again.
// package.json replaces them by empty packages ("overrides"), because they are several hundred MB that most machines never use;
// npm itself would not install them, so they are fetched as files and laid over the empty ones.
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { install, requireNode, root } from "./prepare.mjs";

const KINDS = {
  cuda: ["cuda", "cuda-ext"],
  vulkan: ["vulkan"],
};
/** Machines that have a choice; elsewhere the one binary that npm installs is the right one (on a Mac it uses Metal). */
const PLATFORMS = ["linux-x64", "win32-x64"];
const EMPTY = { name: "empty-npm-package", version: "1.0.0" };
const PROBE_LIMIT_MS = 60_000;

const wanted = process.argv[2];
const platform = `${process.platform}-${process.arch}`;
const scope = join(root, "node_modules", "@node-llama-cpp");

if (process.argv.length !== 3 || (wanted !== "cpu" && !(wanted in KINDS))) {
  console.error(
    "npm run engine -- cuda      for NVIDIA GPUs\nnpm run engine -- vulkan    for GPUs with a Vulkan driver",
  );
  console.error("npm run engine -- cpu       remove them again");
  process.exit(2);
}
if (!PLATFORMS.includes(platform)) {
  console.log(`On ${platform} there is nothing to choose: the installed llama.cpp uses what the machine has.`);
  process.exit(0);
}
requireNode();
install();
if (wanted === "cpu") remove();
else fetchAll(KINDS[wanted]);

function fetchAll(kinds) {
  const packages = kinds.map(packageFor);
  const { optionalDependencies: versions } = readJson(join(root, "node_modules", "node-llama-cpp", "package.json"));
  // On the same disk as the place they go to, so that each gets there in one step.
  const workplace = mkdtempSync(join(root, "node_modules", ".engine-"));
  let bytes = 0;
  try {
    for (const name of packages) {
      const exact = `@node-llama-cpp/${name}@${versions[`@node-llama-cpp/${name}`]}`;
      console.log(`Fetching ${exact} …`);
      const unpacked = join(workplace, name);
      mkdirSync(unpacked);
      const packed = run("npm", ["pack", exact, "--json", "--loglevel=error"], { cwd: workplace });
      const [{ filename }] = JSON.parse(packed);
      run("tar", ["-xzf", join(workplace, filename), "-C", unpacked, "--strip-components=1"]);
      rmSync(join(workplace, filename));
      bytes += sizeOf(unpacked);
    }
    for (const name of packages) replace(name, join(workplace, name));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
    return;
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
  console.log(`Installed, ${megabytes(bytes)}.`);
  tellWhetherItWorks();
}

/** Asks llama.cpp itself, in a process of its own: a driver that crashes must not take this one along. */
function tellWhetherItWorks() {
  const program = `
    import { getLlama } from "node-llama-cpp";
    const llama = await getLlama({ gpu: "${wanted}", build: "never", skipDownload: true, progressLogs: false, logLevel: "disabled" });
    process.stdout.write((await llama.getGpuDeviceNames()).join(", "));
    process.exit(0);`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: join(root, "packages", "worker"),
    encoding: "utf8",
    timeout: PROBE_LIMIT_MS,
  });
  if (status === 0) {
    console.log(`llama.cpp finds: ${stdout}`);
    console.log("Workers that start from now on use it. Restart what runs: Ctrl-C and npm start (or npx hive down).");
    console.log("`npx hive workers` then shows it under BACKEND.");
    return;
  }
  console.log(
    `llama.cpp cannot use ${wanted} on this machine now, so workers stay on the CPU. Is the GPU's driver installed?`,
  );
  console.log("Once it is, nothing else is needed. To remove what was fetched: npm run engine -- cpu");
}

function remove() {
  let bytes = 0;
  for (const name of Object.values(KINDS).flat().map(packageFor)) {
    bytes += sizeOf(join(scope, name));
    const empty = mkdtempSync(join(root, "node_modules", ".engine-"));
    writeFileSync(join(empty, "package.json"), `${JSON.stringify(EMPTY, null, 2)}\n`);
    replace(name, empty);
  }
  console.log(`Removed, ${megabytes(bytes)}. Workers that start from now on use the CPU.`);
}

/** Puts a finished folder in a package's place. */
function replace(name, folder) {
  rmSync(join(scope, name), { recursive: true, force: true });
  renameSync(folder, join(scope, name));
}

function packageFor(kind) {
  return `${platform === "win32-x64" ? "win-x64" : platform}-${kind}`;
}

function run(command, args, options = {}) {
  const { status, stdout, error } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32" && command === "npm",
    ...options,
  });
  if (error) throw new Error(`${command} cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args[0]} failed. Nothing was changed.`);
  return stdout;
}

function sizeOf(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath ?? entry.path, entry.name)).size;
  }
  return bytes;
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
