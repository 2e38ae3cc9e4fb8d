// The dashboard in a real browser while 10,000 hives with 8 workers beat every 5 s: its first picture, its frames, its memory, and what
// open pages cost the queen. --seconds N: how long the page is watched; 600 shows whether its memory stays flat.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { quantile } from "./lib/measure.mjs";
import { beside, cpuMs, startQueen } from "./lib/programs.mjs";
import { grouped, printTable, times } from "./lib/table.mjs";

const CHROMIUM = "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-extensions"];
const VIEWPORT = { width: 1_280, height: 800 };

const FIRST_PICTURE_MS_MAX = 2_000;
const FRAMES_PER_SECOND_MIN = 30;
/** The queen sends a page 500 hives a second, so that each is new every 20 s. */
const AGE_SECONDS_MAX = 30;
const MEMORY_GROWTH_MAX = 1.2;
const QUEEN_SHARE_MAX = 0.1;
const OPEN_PAGES = 3;
/** What the queen costs without and with pages, each measured for so long. */
const COST_SECONDS = 10;
/** After this the page has seen each hive once, and what it keeps has its size. */
const SETTLE_SECONDS = 20;
const HEAP_EVERY_SECONDS = 5;
const FIRST_PICTURE_LIMIT_MS = 60_000;

/** @param {{ seconds: number }} options @returns {Promise<{ missed: number, results: object }>} */
export async function benchDashboard({ seconds }) {
  const results = await measure(seconds);
  const rows = rowsOf(results);
  printTable(
    `Dashboard, 10,000 hives with 8 workers beating every 5 s, watched for ${seconds} s`,
    rows,
    "the memory at first",
  );
  return { missed: rows.filter(({ ok }) => ok === false).length, results };
}

async function measure(seconds) {
  const queen = await startQueen();
  const load = await startLoad(
    queen.port,
    seconds + SETTLE_SECONDS + 4 * COST_SECONDS + FIRST_PICTURE_LIMIT_MS / 1_000,
  );
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
  try {
    const without = await shareOf(queen.pid);
    const { page, firstPictureMs } = await openPage(browser, queen.port);
    await wait(SETTLE_SECONDS);
    const { frames, heaps } = await watch(page, seconds);
    const ageSeconds = await oldestInSight(page);
    for (let open = 1; open < OPEN_PAGES; open++) await openPage(browser, queen.port);
    await wait(COST_SECONDS / 2);
    const withPages = await shareOf(queen.pid);
    return { firstPictureMs, frames, heaps, ageSeconds, without, withPages };
  } finally {
    await browser.close();
    load.kill("SIGTERM");
    await once(load, "close");
    await queen.stop();
  }
}

/** All hives are connected and known when it is given. */
async function startLoad(port, seconds) {
  const load = spawn(process.execPath, [beside("fleet/load.mjs"), String(port), String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(createInterface(load.stdout), "line");
  return load;
}

/** Of one core, for what the queen does all the time. */
async function shareOf(pid) {
  const before = cpuMs(pid);
  await wait(COST_SECONDS);
  return (cpuMs(pid) - before) / (COST_SECONDS * 1_000);
}

/** From the address typed to the first hive drawn. */
async function openPage(browser, port) {
  const page = await (await browser.newContext({ viewport: VIEWPORT })).newPage();
  const startedAt = performance.now();
  await page.goto(`http://127.0.0.1:${port}/`, { waitUntil: "commit" });
  await page.waitForSelector('ul[aria-label="Hives"] li', { timeout: FIRST_PICTURE_LIMIT_MS });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  return { page, firstPictureMs: performance.now() - startedAt };
}

/** Frames of each second, and every few seconds the memory that the page holds after a collection, bytes. */
async function watch(page, seconds) {
  const session = await page.context().newCDPSession(page);
  await page.evaluate(() => {
    globalThis.frames = [];
    let count = 0;
    let second = performance.now();
    const frame = (now) => {
      count++;
      if (now - second >= 1_000) {
        globalThis.frames.push((count * 1_000) / (now - second));
        [count, second] = [0, now];
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const heaps = [];
  for (let passed = 0; passed < seconds; passed += HEAP_EVERY_SECONDS) {
    await wait(HEAP_EVERY_SECONDS);
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await session.send("Runtime.getHeapUsage");
    // Objects, the document's nodes, and what arrays of numbers hold.
    heaps.push(usedSize + embedderHeapUsedSize + backingStorageSize);
  }
  return { frames: await page.evaluate(() => globalThis.frames), heaps };
}

/** How old the news of a hive in sight is at most, by what its tile says: the page would be quick and flat if nothing came. */
async function oldestInSight(page) {
  const tiles = await page.locator('ul[aria-label="Hives"] li').allInnerTexts();
  const ages = tiles.map((text) => {
    if (text.includes("heard now")) return 0;
    return Number(/heard (\d+) s ago/.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
  });
  return Math.max(...ages);
}

function rowsOf({ firstPictureMs, frames, heaps, ageSeconds, without, withPages }) {
  const third = Math.max(1, Math.floor(heaps.length / 3));
  const [first, last] = [mean(heaps.slice(0, third)), mean(heaps.slice(-third))];
  const growth = last / first;
  const cost = withPages - without;
  const percent = (share) => `${(share * 100).toFixed(1)} % of a core`;
  return [
    {
      figure: "first picture",
      measured: `${firstPictureMs.toFixed(0)} ms`,
      required: `< ${grouped(FIRST_PICTURE_MS_MAX)} ms`,
      ok: firstPictureMs < FIRST_PICTURE_MS_MAX,
    },
    {
      figure: "frames a second, median",
      measured: quantile(frames, 0.5).toFixed(0),
      required: `> ${FRAMES_PER_SECOND_MIN}`,
      ok: quantile(frames, 0.5) > FRAMES_PER_SECOND_MIN,
    },
    { figure: "  the worst twentieth of the seconds", measured: quantile(frames, 0.05).toFixed(0) },
    {
      figure: "oldest news of a hive in sight",
      measured: `${ageSeconds} s`,
      required: `< ${AGE_SECONDS_MAX} s`,
      ok: ageSeconds < AGE_SECONDS_MAX,
    },
    {
      figure: "memory held, last third over first third",
      measured: `${(last / 1e6).toFixed(0)} MB`,
      ratio: times(growth),
      required: `< ${MEMORY_GROWTH_MAX}×`,
      ok: growth < MEMORY_GROWTH_MAX,
    },
    {
      figure: `what ${OPEN_PAGES} open pages cost the queen`,
      measured: percent(cost),
      required: `< ${QUEEN_SHARE_MAX * 100} %`,
      ok: cost < QUEEN_SHARE_MAX,
    },
    { figure: "  the queen without them", measured: percent(without) },
  ];
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
