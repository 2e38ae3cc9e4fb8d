/** GB (10⁹ bytes), with as many digits as one can use; undefined is unknown. */
export function gigabytes(value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  return value >= 100 ? `${Math.round(value)} GB` : `${value.toFixed(1)} GB`;
}

export function bytes(value: number | null | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (value < 1e6) return `${Math.round(value / 1e3)} kB`;
  return value < 1e9 ? `${Math.round(value / 1e6)} MB` : gigabytes(value / 1e9);
}

export function percent(value: number | null | undefined): string | undefined {
  return value === null || value === undefined ? undefined : `${Math.round(value)} %`;
}

/** A length of time in its largest unit. Below zero (another machine's clock runs ahead) counts as now. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** For steps that people wait for: tenths of a second. */
export function elapsed(ms: number): string {
  return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
}

/** For steps that differ widely: ms below a second, else tenths of a second. */
export function took(ms: number): string {
  return ms < 1_000 ? `${Math.max(0, Math.round(ms))} ms` : elapsed(ms);
}

export function count(n: number, one: string, many: string = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
