const LOOK_EVERY_MS = 20;
/** A test is never about speed: this is for machines that are busy with something else, too. */
export const EVENTUALLY_MS = 60_000;

/** Waits until `look` gives something else than undefined or false, and gives that; fails after `limitMs`, saying what was awaited. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs: number = EVENTUALLY_MS,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`not seen within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** What `promise` gives, or an error that says what was awaited in vain. */
export async function within<T>(what: string, promise: Promise<T>, limitMs: number = EVENTUALLY_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limitMs} ms: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
