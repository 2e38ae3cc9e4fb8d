import type { HiveRuntimeState } from "@hive-registry/client";
import type { JSX } from "preact";
import { Age } from "../../app/age.tsx";
import { useFleet } from "../../app/context.ts";
import { bytesOfText, durationText, percentText, timeText, UNKNOWN } from "../../fleet-data/units.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Badge, Bar, Card, Facts } from "../../ui/parts.tsx";

/** What a hive tells of itself and its machine. What it does not tell is left out. */
export function HiveFacts({ state }: { readonly state: HiveRuntimeState }): JSX.Element {
  const fleet = useFleet();
  const { ram_total_gb: ramTotal, ram_available_gb: ramFree } = state;
  const labels = Object.entries(state.labels ?? {});
  const ramUsed = ramTotal === undefined || ramFree === undefined ? undefined : (ramTotal - ramFree) * 1e9;
  return (
    <Card label="Facts">
      <Facts
        facts={[
          [
            "Heard",
            <span key="age" title={timeText(state.received_at_ms, fleet.queenNowMs())}>
              <Age atMs={state.received_at_ms} />
            </span>,
          ],
          ["Beats every", state.interval_ms === undefined ? UNKNOWN : durationText(state.interval_ms)],
          ["Clock", skewText(state.clock_skew_ms)],
          [
            "GPU memory",
            state.vram_total_gb === undefined ? (
              UNKNOWN
            ) : (
              <Amount
                key="vram"
                used={(state.vram_total_gb - (state.vram_free_gb ?? 0)) * 1e9}
                total={state.vram_total_gb * 1e9}
              />
            ),
          ],
          [
            "RAM",
            ramUsed === undefined || ramTotal === undefined ? (
              UNKNOWN
            ) : (
              <Amount key="ram" used={ramUsed} total={ramTotal * 1e9} />
            ),
          ],
          ["CPU", percentText(state.cpu_percent)],
          ["Version", state.version ?? UNKNOWN],
          [
            "Address",
            state.hive_url === undefined ? (
              UNKNOWN
            ) : (
              <span key="url" class="with-copy">
                <code class="wrap">{state.hive_url}</code>{" "}
                <CopyButton text={state.hive_url} label="Copy the hive's address" />
              </span>
            ),
          ],
          ...(labels.length === 0
            ? []
            : [
                [
                  "Labels",
                  <span key="labels" class="row">
                    {labels.map(([key, value]) => (
                      <Badge key={key}>
                        {key}={value}
                      </Badge>
                    ))}
                  </span>,
                ] as const,
              ]),
        ]}
      />
    </Card>
  );
}

function Amount({ used, total }: { readonly used: number; readonly total: number }): JSX.Element {
  return (
    <>
      {bytesOfText(used, total)}
      <Bar value={used} max={total} />
    </>
  );
}

function skewText(skewMs: number | undefined): string {
  if (skewMs === undefined) return UNKNOWN;
  if (Math.abs(skewMs) < 1_000) return "as the queen's";
  return `${durationText(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}`;
}
