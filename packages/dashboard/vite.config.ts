import { defineConfig } from "vite";

/** Everything that the page needs lies in the queen's own package: it asks no other host for anything. */
export default defineConfig({
  base: "./",
  build: { outDir: "../queen/dist/dashboard", emptyOutDir: true, target: "es2022", sourcemap: false },
});
