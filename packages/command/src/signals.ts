/** Wishes to stop, from Ctrl-C, `kill` or a terminal that closes: the first one, and the impatient second. */
export function stopSignals(): { readonly first: Promise<void>; readonly second: Promise<void> } {
  const tell: (() => void)[] = [];
  const next = (): Promise<void> => new Promise((resolve) => tell.push(resolve));
  const signals = { first: next(), second: next() };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => tell.shift()?.());
  return signals;
}
