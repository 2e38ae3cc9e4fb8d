import { defineConfig } from "vitest/config";

const source = (name: string) => new URL(`./packages/${name}/src/index.ts`, import.meta.url).pathname;

/** Tests import the packages' sources; programs that a test starts as processes are the built ones. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^hive-registry$/, replacement: source("registry") },
      { find: /^@hive-registry\/(\w+)$/, replacement: new URL("./packages/$1/src/index.ts", import.meta.url).pathname },
    ],
  },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
  },
});
