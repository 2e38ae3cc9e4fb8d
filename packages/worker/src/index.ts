/**
 * What others need to run the bundled worker. Loads neither llama.cpp nor the HTTP server: those live in the process that
 * `workerCommand()` names.
 */
import { fileURLToPath } from "node:url";

export { DEMO_MODEL_ID, type DemoModel, defaultModelsDir, ensureDemoModel } from "./demo/demo-model.ts";
export { EXIT_CODE, FATAL_EXIT_CODE, type FatalCode } from "./fatal.ts";

/** Path of the worker's program; run it with this Node: `spawn(process.execPath, [workerCommand(), "--model", …])`. */
export function workerCommand(): string {
  return fileURLToPath(new URL("../dist/main.js", import.meta.url));
}
