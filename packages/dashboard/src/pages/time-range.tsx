import type { ClientError } from "@hive-registry/client";
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { durationText } from "../fleet-data/units.ts";
import { Choice } from "../ui/fields.tsx";
import { Empty, ErrorBox } from "../ui/states.tsx";

/** How far back a chart looks, and how often it is drawn anew. */
export const RANGES = {
  "15 min": { window_ms: 900_000, every_ms: 15_000 },
  "1 h": { window_ms: 3_600_000, every_ms: 30_000 },
  "24 h": { window_ms: 86_400_000, every_ms: 300_000 },
} as const;
export type RangeName = keyof typeof RANGES;
const NAMES: readonly RangeName[] = ["15 min", "1 h", "24 h"];

export function useRange(): {
  readonly window_ms: number;
  readonly every_ms: number;
  readonly control: JSX.Element;
} {
  const [name, setName] = useState<RangeName>("1 h");
  const options = NAMES.map((value) => ({ value, text: value }));
  return {
    ...RANGES[name],
    control: <Choice label="How far back" value={name} options={options} onChange={setName} />,
  };
}

/** Beside the heading: what a point stands for, and how far back it goes. */
export function HistoryActions(props: {
  readonly stepMs: number | undefined;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <span class="row">
      {props.stepMs !== undefined && (
        <span class="small muted">
          {props.stepMs === 60_000 ? "a value a minute" : `a value each ${durationText(props.stepMs)}`}
        </span>
      )}
      {props.children}
    </span>
  );
}

/** No history is no failure where it has only begun, or where this queen keeps none. */
export function NoHistory({
  error,
  onRetry,
}: {
  readonly error: ClientError;
  readonly onRetry: () => void;
}): JSX.Element {
  if (error.status === 404) {
    return (
      <Empty icon="clock" title="Not kept yet">
        <p class="muted">
          The queen keeps values from the moment she hears of it, a value a minute: come back in a minute or two. A
          queen of an earlier version keeps none.
        </p>
      </Empty>
    );
  }
  return <ErrorBox title="The history did not come" error={error} onRetry={onRetry} />;
}
