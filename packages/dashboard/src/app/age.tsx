import type { JSX } from "preact";
import { ageText } from "../fleet-data/units.ts";
import { useFleet } from "./context.ts";

/** How long ago by the queen's clock. Counts up by itself; while the queen is away it stands still, for nobody knows. */
export function Age({ atMs }: { readonly atMs: number }): JSX.Element {
  const fleet = useFleet();
  fleet.seconds.value;
  return <>{ageText(Math.max(0, fleet.queenNowMs() - atMs))}</>;
}
