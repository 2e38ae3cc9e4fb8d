/** The line of a few values in a field of 100 × 28; a gap where nobody told. `max`: what reaches the top; else the largest. */
export function sparklinePath(values: readonly (number | null)[], max?: number): string {
  const top = max ?? Math.max(1e-9, ...values.map((value) => value ?? 0));
  const step = values.length > 1 ? 100 / (values.length - 1) : 0;
  let path = "";
  let isDrawing = false;
  for (const [at, value] of values.entries()) {
    if (value === null) {
      isDrawing = false;
      continue;
    }
    const y = 27 - 26 * Math.min(1, Math.max(0, value / top));
    path += `${isDrawing ? "L" : "M"}${round(at * step)} ${round(y)}`;
    isDrawing = true;
  }
  return path;
}

const round = (value: number): number => Math.round(value * 10) / 10;
