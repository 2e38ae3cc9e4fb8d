import type { RegistryStats } from "hive-registry";
import type { ComponentChildren, JSX } from "preact";
import type { FleetSums } from "../../fleet-data/fleet-rows.ts";
import { newest } from "../../fleet-data/series.ts";
import { bytesOfText, countText, percentText, rateText } from "../../fleet-data/units.ts";
import { Bar, StatusDot, type Tone } from "../../ui/parts.tsx";
import { Sparkline } from "../../ui/sparkline.tsx";
import type { Traffic } from "./use-traffic.ts";

/** The fleet in four numbers. */
export function FleetTotals(props: {
  readonly hives: RegistryStats["hives"];
  readonly workers: Pick<RegistryStats["workers"], "total" | "idle" | "busy" | "loading" | "set_aside">;
  readonly sums: FleetSums;
  readonly traffic: Traffic;
}): JSX.Element {
  const { hives, workers, sums, traffic } = props;
  return (
    <section class="totals" aria-label="The fleet in numbers">
      <Total name="Hives" value={countText(hives.total)}>
        <Counts
          counts={[
            ["good", hives.alive, "alive"],
            ["warn", hives.suspect, "suspect"],
            ["bad", hives.silent, "silent"],
          ]}
        />
      </Total>
      <Total name="Workers" value={countText(workers.total)}>
        <Counts
          counts={[
            ["good", workers.idle, "idle"],
            ["busy", workers.busy, "busy"],
            ["muted", workers.loading, "loading"],
            ["warn", workers.set_aside, "set aside"],
          ]}
        />
      </Total>
      <GpuMemory sums={sums} />
      <Total
        name="Requests"
        value={
          <>
            {rateText(traffic.requestsPerSecond)} <small class="muted">a second</small>
          </>
        }
      >
        {traffic.requests.length > 1 && (
          <Sparkline values={traffic.requests} label="Requests a second over the last hour" />
        )}
        <span class="small">
          {rateText(newest(traffic.tokens))} <span class="muted">tokens a second · </span>
          {countText(traffic.inFlight)} <span class="muted">running · </span>
          {countText(traffic.queued)} <span class="muted">waiting</span>
        </span>
      </Total>
    </section>
  );
}

function GpuMemory({ sums }: { readonly sums: FleetSums }): JSX.Element {
  if (sums.devices === 0) {
    return (
      <Total name="GPU memory" value="none">
        <span class="small muted">No hive tells of a GPU.</span>
      </Total>
    );
  }
  return (
    <Total name="GPU memory" value={bytesOfText(sums.vram_used_bytes, sums.vram_total_bytes)}>
      <Bar value={sums.vram_used_bytes} max={sums.vram_total_bytes} />
      <span class="small">
        {countText(sums.devices)} <span class="muted">{sums.devices === 1 ? "GPU" : "GPUs"}, in use</span>{" "}
        {percentText(sums.gpu_percent)}
      </span>
    </Total>
  );
}

function Total(props: {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="total card">
      <h2>{props.name}</h2>
      <p class="large">{props.value}</p>
      {props.children}
    </div>
  );
}

/** What there is none of is left out. */
function Counts({ counts }: { readonly counts: readonly (readonly [Tone, number, string])[] }): JSX.Element {
  return (
    <p class="row">
      {counts
        .filter(([, count]) => count > 0)
        .map(([tone, count, word]) => (
          <StatusDot key={word} tone={tone}>
            {countText(count)} {word}
          </StatusDot>
        ))}
    </p>
  );
}
