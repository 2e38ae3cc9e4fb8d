import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { ROOT } from "./workplace.ts";

/** Debian's. `npm test` installs it where it may. */
export const CHROMIUM = "/usr/bin/chromium";
/** It must ask for nothing outside this machine, and needs no sandbox to show a page of ours. */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-sync",
];

/** The sources, as a bundler of somebody who uses the packages finds them. */
const source = (name: string) => join(ROOT, "packages", name, "src/index.ts");

/**
 * Opens a page in a real browser whose only script is `entry`, bundled for browsers: what needs Node does not get that far.
 * The page has an origin of its own. Page, browser and server end with the test.
 */
export async function aPage(entry: string): Promise<Page> {
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    write: false,
    alias: { "@hive-registry/client": source("client"), "hive-registry": source("registry") },
  });
  const script = outputFiles[0]?.text ?? "";
  const server = createServer((request, response) => {
    if (request.url === "/script.js") response.writeHead(200, { "content-type": "text/javascript" }).end(script);
    else if (request.url === "/") response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...CHROMIUM_FLAGS] });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return page;
}

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>A page of this machine</title><script src="/script.js"></script>';
