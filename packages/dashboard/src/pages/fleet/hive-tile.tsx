import type { JSX } from "preact";
import { Age } from "../../app/age.tsx";
import { href } from "../../app/router.ts";
import { HiveState } from "../../app/state-words.tsx";
import type { HiveRow } from "../../fleet-data/hive-row.ts";
import { bytesOfText, clockText, percentText } from "../../fleet-data/units.ts";
import { Badge, Bar, Heat } from "../../ui/parts.tsx";

/** Names of so many models have room; of the others their number. */
const MODELS_SHOWN = 2;
/** Squares of so many devices have room. */
const DEVICES_SHOWN = 16;

/** One hive in a glance. The name is the link, and the whole tile is its surface. */
export function HiveTile(props: {
  readonly row: HiveRow;
  /** Reached by the Tab key: one of all tiles is. */
  readonly isReached: boolean;
  readonly onFocus: () => void;
}): JSX.Element {
  const { row } = props;
  const clock = clockText(row.clock_skew_ms);
  return (
    <article class="tile" data-status={row.status}>
      <header>
        <a class="cut" href={href.hive(row.hive_id)} tabIndex={props.isReached ? 0 : -1} onFocus={props.onFocus}>
          {row.hive_id}
        </a>
        <HiveState status={row.status} />
      </header>
      <div class="meter">
        <Bar value={row.vram_used_bytes} max={row.vram_total_bytes} />
        <span class="small">
          {row.vram_total_bytes === undefined && row.vram_used_bytes === 0 ? (
            <span class="muted">no GPU memory</span>
          ) : (
            <>
              {bytesOfText(row.vram_used_bytes, row.vram_total_bytes)} <span class="muted">VRAM</span>
            </>
          )}
        </span>
      </div>
      <div class="gpus small">
        <Heat percents={row.gpus.slice(0, DEVICES_SHOWN)} />
        {row.gpus.length > 0 ? (
          <span>
            <span class="muted">{row.gpus.length === 1 ? "GPU" : `${row.gpus.length} GPUs`}</span>{" "}
            {percentText(row.gpu_percent)}
          </span>
        ) : (
          <span>
            <span class="muted">CPU</span> {percentText(row.cpu_percent)}
          </span>
        )}
      </div>
      <p class="small cut">
        {row.workers.total === 0 ? <span class="muted">no workers</span> : <WorkersText {...row.workers} />}
      </p>
      <p class="models">
        {row.models.slice(0, MODELS_SHOWN).map((model) => (
          <Badge key={model} title={model}>
            {model}
          </Badge>
        ))}
        {row.models.length > MODELS_SHOWN && (
          <span class="small muted" title={row.models.slice(MODELS_SHOWN).join("\n")}>
            +{row.models.length - MODELS_SHOWN}
          </span>
        )}
      </p>
      <footer class="small muted">
        <span>
          heard <Age atMs={row.received_at_ms} />
        </span>
        {row.isFlapping && (
          <Badge tone="warn" icon="flap" title="It fell silent and came back again and again: chosen last">
            flapping
          </Badge>
        )}
        {clock !== undefined && (
          <Badge icon="clock" title={clock}>
            {clock.replace(/;.*$/, "").replace(/^its /, "")}
          </Badge>
        )}
      </footer>
    </article>
  );
}

function WorkersText(workers: HiveRow["workers"]): JSX.Element {
  const states = (["idle", "busy", "loading"] as const).filter((state) => workers[state] > 0);
  return (
    <>
      {workers.total === 1 ? "1 worker" : `${workers.total} workers`}
      <span class="muted">: </span>
      {states.map((state, at) => (
        <span key={state}>
          {at > 0 && <span class="muted"> · </span>}
          {workers[state]} <span class="muted">{state}</span>
        </span>
      ))}
    </>
  );
}
