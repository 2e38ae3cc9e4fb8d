const LOOK_EVERY_MS = 5;
/** A test is never about speed. */
const LIMIT_MS = 20_000;

/** Waits until `look` gives something else than undefined or false, and gives that; fails in the end, saying what was awaited. */
export async function eventually<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const endMs = performance.now() + LIMIT_MS;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`not seen within ${LIMIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
