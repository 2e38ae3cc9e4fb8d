import { configDefaults, defineConfig } from "vitest/config";

const ALONE = "test/alone/**/*.test.ts";
const source = (name: string, file = "index") => new URL(`./packages/${name}/src/${file}.ts`, import.meta.url).pathname;

/** Tests import the packages' sources; programs that a test starts as processes are the built ones. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^hive-registry$/, replacement: source("registry") },
      { find: /^hive-registry\/(\w+)$/, replacement: source("registry", "$1/index") },
      { find: /^@hive-registry\/(\w+)$/, replacement: source("$1") },
      { find: /^@hive-registry\/(\w+)\/(\w+)$/, replacement: source("$1", "$2") },
    ],
  },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ALONE],
          // Most tests wait for processes and sockets, so two at a time are faster even on few cores.
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        // How evenly programs share the machine says nothing while other tests use it: these come after the others.
        test: { name: "alone", include: [ALONE], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
