export { type Catalog, openCatalog } from "./catalog/index.ts";
export { type Clock, systemClock } from "./core/clock.ts";
export { Queen, type QueenOptions } from "./core/queen.ts";
export { type AppOptions, buildApp } from "./http/app.ts";
export type { App } from "./http/typed-app.ts";
export { type QueenSettings, type RunningQueen, serveQueen } from "./serve.ts";
export { VERSION } from "./version.ts";
