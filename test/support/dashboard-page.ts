import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { CHROMIUM, CHROMIUM_FLAGS } from "./page.ts";
import { ROOT } from "./workplace.ts";

/** Where the test run keeps its pictures; git does not. */
export const PICTURES: string = join(ROOT, "test-results", "dashboard");
export const SIZES = { desk: { width: 1_280, height: 800 }, phone: { width: 360, height: 740 } } as const;
export type Size = keyof typeof SIZES;
export const THEMES = ["light", "dark"] as const;

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** The page has little to do; the machine that runs the test may have much. */
const WAIT_MS = 30_000;

/** What a page did that it must not do. */
type Fault = string;

export interface View {
  readonly page: Page;
  /** To a page of the dashboard: `#/machines`. */
  go(hash: string): Promise<void>;
  /**
   * Pictures in both themes and at both sizes, each without anything that axe calls serious and without a bar to scroll
   * sideways. `full`: the whole page, not only what is in sight.
   */
  shoot(name: string, options?: { readonly isFull?: boolean }): Promise<void>;
  /** Faults like this are part of the story. */
  expects(fault: RegExp): void;
}

export interface OpenOptions {
  readonly hash?: string;
  /** The fleet does not come: the stream of changes is asked for, and not answered. */
  readonly isHeld?: boolean;
}

/** One browser for the file; give it each test's own page. */
export function aBrowser(): (queenUrl: string, options?: OpenOptions) => Promise<View> {
  let browser: Browser | undefined;
  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...CHROMIUM_FLAGS] });
  });
  afterAll(async () => {
    await browser?.close();
  });
  return async (queenUrl, { hash = "", isHeld = false } = {}) => {
    if (browser === undefined) throw new Error("the browser is not there yet");
    const context = await browser.newContext({ viewport: SIZES.desk, locale: "en-GB", reducedMotion: "reduce" });
    if (isHeld) await context.route("**/api/v1/watch?*", () => undefined);
    const view = await open(context, queenUrl);
    await view.page.goto(`${queenUrl}/${hash}`);
    return view;
  };
}

async function open(context: BrowserContext, queenUrl: string): Promise<View> {
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const faults: Fault[] = [];
  const expected: RegExp[] = [];
  listen(page, new URL(queenUrl).origin, faults);
  // An error here fails the test.
  onTestFinished(async () => {
    await context.close();
    expect(faults.filter((fault) => !expected.some((pattern) => pattern.test(fault)))).toEqual([]);
  });
  return {
    page,
    go: (hash) =>
      page.evaluate((to) => {
        location.hash = to;
      }, hash),
    expects: (fault) => void expected.push(fault),
    async shoot(name, { isFull = false } = {}) {
      for (const size of Object.keys(SIZES) as Size[]) {
        await page.setViewportSize(SIZES[size]);
        for (const theme of THEMES) {
          await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
          await page.waitForSelector(`html[data-theme=${theme}]`);
          await page.screenshot({
            path: join(PICTURES, `${name}-${size}-${theme}.png`),
            fullPage: isFull,
            animations: "disabled",
          });
          await expectAccessible(page, `${name}, ${size}, ${theme}`);
        }
        expect(await sidewaysPx(page), `${name} is wider than a ${size}`).toBe(0);
      }
      await page.setViewportSize(SIZES.desk);
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    },
  };
}

/** Errors, refused resources, and whatever is asked of another host. */
function listen(page: Page, origin: string, faults: Fault[]): void {
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning")
      faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== origin) faults.push(`asked another host: ${request.url()}`);
  });
}

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}
declare const axe: { run(context: Document): Promise<{ readonly violations: readonly Violation[] }> };

/** Nothing that axe calls serious or critical. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  const violations = await page.evaluate(async () => (await axe.run(document)).violations);
  const serious = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n  ${nodes.map(({ html, failureSummary }) => `${html}\n  ${failureSummary}`).join("\n  ")}`,
    );
  expect(serious.join("\n"), `what axe found: ${what}`).toBe("");
}

const sidewaysPx = (page: Page): Promise<number> =>
  page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
