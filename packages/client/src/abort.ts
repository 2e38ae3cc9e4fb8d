const listeners: WeakMap<AbortSignal, Set<() => void>> = new WeakMap();

/**
 * Calls `run` when the signal aborts; at once when it has. Returns the function that takes it back. However many ask of one
 * signal, it gets one listener: a signal that a whole program shares would else be suspected of a leak.
 */
export function onAbort(signal: AbortSignal | null | undefined, run: () => void): () => void {
  if (signal === null || signal === undefined) return () => undefined;
  if (signal.aborted) {
    run();
    return () => undefined;
  }
  let known = listeners.get(signal);
  if (known === undefined) {
    const all = new Set<() => void>();
    signal.addEventListener("abort", () => [...all].forEach((one) => void one()), { once: true });
    listeners.set(signal, all);
    known = all;
  }
  const all = known;
  // One of its own for each call: the same function may be given twice.
  const once = () => run();
  all.add(once);
  return () => all.delete(once);
}
