declare const performance: { readonly timeOrigin: number; now(): number };
/** The time a registry uses when it is given none: whole ms since epoch, never backwards, whatever the system clock does. */
export const systemClock = (): number => Math.floor(performance.timeOrigin + performance.now());
