declare const performance: { readonly timeOrigin: number; now(): number };
/** The time a registry uses when it is given none: ms since epoch that never runs backwards, whatever the system clock does. */
export const systemClock = (): number => performance.timeOrigin + performance.now();
