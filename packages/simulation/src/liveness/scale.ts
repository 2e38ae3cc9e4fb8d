/** Everything as in a fleet, in less time, so that a thousand fleets can be tried. All in ms. */
export const INTERVAL_MS = 2_000;
export const SILENT_AFTER_MS = 8_000;
export const EVICT_AFTER_MS = 14_000;
export const FREEZE_MAX_MS = 24_000;
/** The world goes on in such steps; the registry's owner lets time in at each. */
export const STEP_MS = 100;
/** Until then all is well, */
export const TROUBLE_FROM_MS = 9_000;
/** and from then on again. */
export const TROUBLE_TO_MS = 45_000;
/** Long enough for a freeze that begins with the last trouble to end. */
export const END_MS: number = TROUBLE_TO_MS + SILENT_AFTER_MS + FREEZE_MAX_MS + 2_000;
/** The longest that a message is on its way. */
export const LATE_MAX_MS = 10_000;
