export { EXIT, explain } from "./failure.ts";
export { type Handlers, program } from "./program.ts";
