import { defineConfig } from "vitest/config";

const source = (name: string, file = "index") => new URL(`./packages/${name}/src/${file}.ts`, import.meta.url).pathname;

/** Tests import the packages' sources; programs that a test starts as processes are the built ones. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^hive-registry$/, replacement: source("registry") },
      { find: /^@hive-registry\/(\w+)$/, replacement: source("$1") },
      { find: /^@hive-registry\/(\w+)\/(\w+)$/, replacement: source("$1", "$2") },
    ],
  },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // Most tests wait for processes and sockets, so two at a time are faster even on few cores.
    maxWorkers: 2,
  },
});
