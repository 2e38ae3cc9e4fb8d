import type { JSX } from "preact";
import { sparklinePath } from "./sparkline-path.ts";

/** A line as large as a word. `label` says what it shows and where it ends. */
export function Sparkline(props: {
  readonly values: readonly (number | null)[];
  readonly label: string;
  readonly max?: number;
}): JSX.Element {
  return (
    <svg class="sparkline" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={props.label}>
      <path
        d={sparklinePath(props.values, props.max)}
        fill="none"
        stroke="currentColor"
        stroke-width="1.5"
        stroke-linejoin="round"
        stroke-linecap="round"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  );
}
