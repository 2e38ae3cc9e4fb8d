import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { App } from "./typed-app.ts";

/** Where the page's files are; their names contain a hash of what is in them, so that they can be kept for ever. */
export const ASSETS_PREFIX = "/assets/";
const ASSETS_MAX_AGE_MS = 365 * 86_400_000;

const GUARDS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/**
 * The page runs its own script and asks its own queen, nobody else; no other page may show it in a frame. It sets styles
 * through the document's object model, which needs no exception here.
 */
const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'",
  ...["script-src", "style-src", "font-src", "connect-src", "manifest-src"].map((kind) => `${kind} 'self'`),
  "img-src 'self' data:",
  ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
].join("; ");
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-cache",
  "content-security-policy": CONTENT_SECURITY_POLICY,
};

/**
 * The folder of the built page, looked for from the program's own file: beside it where it was compiled or bundled, in `dist`
 * where it runs from its sources. Undefined where no page was built.
 */
export function dashboardBeside(programUrl: string): string | undefined {
  return ["./dashboard/", "../dist/dashboard/"]
    .map((path) => fileURLToPath(new URL(path, programUrl)))
    .find((folder) => existsSync(join(folder, "index.html")));
}

/**
 * The page at `/`. It is public, for it holds nothing secret: what it shows it asks the queen for, with the token that a person
 * gives it. Where no page was built, who opens the queen in a browser gets the documentation of the API to read.
 */
export async function dashboardRoutes(app: App, folder: string | undefined): Promise<void> {
  if (folder === undefined) {
    app.get("/", { schema: { hide: true } }, (_request, reply) => reply.redirect("/docs"));
    return;
  }
  await app.register(fastifyStatic, {
    ...{ root: join(folder, "assets"), prefix: ASSETS_PREFIX },
    ...{ index: false, dotfiles: "ignore", preCompressed: true },
    ...{ immutable: true, maxAge: ASSETS_MAX_AGE_MS },
    setHeaders: (reply) => reply.headers(GUARDS),
  });
  // It names the present files: whoever comes back asks whether they still are.
  app.get("/", { schema: { hide: true } }, (_request, reply) =>
    reply.headers({ ...GUARDS, ...PAGE_HEADERS }).sendFile("index.html", folder, { cacheControl: false }),
  );
}
