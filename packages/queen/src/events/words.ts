/** A duration as people say it, roughly: `42 s`, `3 min`, `2 h`, `5 d`. */
export function inWords(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** `1 worker`, `2 workers`. */
export const several = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? "" : "s"}`;
