import type { HiveWorker } from "@hive-registry/client";
import type { JSX } from "preact";
import { useClient, useFleet } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import { PageHead } from "../../app/shell.tsx";
import { WorkerState } from "../../app/state-words.tsx";
import { useCall } from "../../app/use-call.ts";
import { summed } from "../../fleet-data/series.ts";
import { countText, durationText, percentText } from "../../fleet-data/units.ts";
import { Chart } from "../../ui/chart.tsx";
import { ButtonLink, Card, Facts } from "../../ui/parts.tsx";
import { Empty, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { HistoryActions, NoHistory, useRange } from "../time-range.tsx";
import { placeText, slotsText } from "../worker-load.ts";
import "../hive/hive.css";

/** Of more the first are shown: a page must not become slow by one model. */
const SHOWN_MAX = 200;

/** One model: who serves it, and what was asked of it. */
export function ModelPage({ model }: { readonly model: string }): JSX.Element {
  const fleet = useFleet();
  fleet.seconds.value;
  const isKnown = fleet.isKnown.value;
  const summary = fleet.registry.models().find((one) => one.model === model);
  const workers = [...firstOf(fleet.registry.workersByModel(model), SHOWN_MAX)];
  return (
    <>
      <PageHead title={model} trail={[{ text: "Models", href: href.models() }]}>
        {summary !== undefined && (
          <ButtonLink kind="primary" icon="chat" href={href.playground({ model })}>
            Try it
          </ButtonLink>
        )}
      </PageHead>
      {!isKnown && <Skeleton height={16} label="The model is on its way" />}
      {isKnown && summary === undefined && <NotServed model={model} />}
      {summary !== undefined && (
        <>
          <Card label="Facts">
            <Facts
              facts={[
                ["Workers", countText(summary.workers)],
                ["Idle", countText(summary.idle_workers)],
                ["Free slots", countText(summary.slots_free)],
                ["Hives", countText(summary.hives)],
              ]}
            />
          </Card>
          <Card title="Who serves it">
            <Table
              label={`Workers of ${model}`}
              columns={WORKER_COLUMNS}
              rows={workers}
              rowKey={({ hive_id, worker }) => `${hive_id}/${worker.worker_id}`}
            />
            {summary.workers > workers.length && (
              <p class="small muted">and {countText(summary.workers - workers.length)} more</p>
            )}
          </Card>
        </>
      )}
      {isKnown && <ModelHistory model={model} />}
    </>
  );
}

const WORKER_COLUMNS: readonly Column<HiveWorker>[] = [
  {
    title: "Worker",
    cell: ({ hive_id, worker }) => <a href={href.worker(hive_id, worker.worker_id)}>{worker.worker_id}</a>,
  },
  { title: "Hive", cell: ({ hive_id }) => <a href={href.hive(hive_id)}>{hive_id}</a> },
  { title: "State", cell: ({ worker }) => <WorkerState worker={worker} /> },
  { title: "Slots", cell: ({ worker }) => slotsText(worker), isNumber: true },
  { title: "GPU", cell: ({ worker }) => percentText(worker.gpu_percent), isNumber: true },
  { title: "Device", cell: ({ worker }) => placeText(worker) },
];

function ModelHistory({ model }: { readonly model: string }): JSX.Element {
  const client = useClient();
  const { control, window_ms, every_ms } = useRange();
  const history = useCall((signal) => client.fleetTelemetry({ window_ms }, { signal }), [client, window_ms], {
    everyMs: every_ms,
  });
  const series = history.value?.models.find((one) => one.model === model)?.series;
  const times = { fromMs: history.value?.from_ms ?? 0, stepMs: history.value?.step_ms ?? 1 };
  return (
    <Card title="Over time" actions={<HistoryActions stepMs={history.value?.step_ms}>{control}</HistoryActions>}>
      {history.value === undefined && history.error !== undefined && (
        <NoHistory error={history.error} onRetry={history.refresh} />
      )}
      {history.isLoading && history.value === undefined && <Skeleton height={12} label="The history is on its way" />}
      {history.value !== undefined && series === undefined && (
        <p class="muted">Nobody asked for it through the gateway in this time.</p>
      )}
      {series !== undefined && (
        <div class="charts">
          <Chart
            {...times}
            title="Requests"
            read={countText}
            max={1}
            isCount
            lines={[
              {
                name: "answered",
                values: summed([series.requests, series.requests_failed.map((count) => count && -count)]),
              },
              { name: "failed", values: series.requests_failed },
            ]}
          />
          <Chart
            {...times}
            title="Tokens"
            read={countText}
            max={1}
            isCount
            lines={[
              { name: "asked", values: series.input_tokens },
              { name: "answered", values: series.output_tokens },
            ]}
          />
          <Chart
            {...times}
            title="Waiting"
            read={durationText}
            lines={[
              { name: "for a worker", values: series.queue_wait_ms },
              { name: "for the first byte", values: series.first_byte_ms },
            ]}
          />
        </div>
      )}
    </Card>
  );
}

function NotServed({ model }: { readonly model: string }): JSX.Element {
  return (
    <Empty icon="model" title={`No worker has ${model}`}>
      <p class="muted">It ended, or its hives are not heard any more. Start it on a hive that has room:</p>
      <pre class="commands small">hive worker start {model}</pre>
    </Empty>
  );
}

function* firstOf<T>(items: Iterable<T>, max: number): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count++ >= max) return;
    yield item;
  }
}
