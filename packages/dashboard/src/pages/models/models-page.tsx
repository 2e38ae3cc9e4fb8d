import type { ModelSummary } from "@hive-registry/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useClient, useFleet } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import { PageHead } from "../../app/shell.tsx";
import { useCall } from "../../app/use-call.ts";
import { newest, perSecond, summed } from "../../fleet-data/series.ts";
import { countText, rateText } from "../../fleet-data/units.ts";
import { TextField } from "../../ui/fields.tsx";
import { ButtonLink, Card, StatusDot } from "../../ui/parts.tsx";
import { Sparkline } from "../../ui/sparkline.tsx";
import { Empty, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import "./models.css";

/** Of more, the search finds the right one. */
const SHOWN_MAX = 200;
const HISTORY_EVERY_MS = 30_000;

/** What the fleet can answer with. */
export function ModelsPage(): JSX.Element {
  const fleet = useFleet();
  fleet.seconds.value;
  const isKnown = fleet.isKnown.value;
  const models = isKnown ? fleet.registry.models() : [];
  return (
    <>
      <PageHead title="Models" />
      {!isKnown && <Skeleton height={20} label="The models are on their way" />}
      {isKnown && models.length === 0 && <NoModels />}
      {models.length > 0 && <ModelsTable models={models} />}
    </>
  );
}

function ModelsTable({ models }: { readonly models: readonly ModelSummary[] }): JSX.Element {
  const client = useClient();
  const [query, setQuery] = useState("");
  const history = useCall((signal) => client.fleetTelemetry({}, { signal }), [client], { everyMs: HISTORY_EVERY_MS });
  const seriesOf = (model: string) => history.value?.models.find((one) => one.model === model)?.series;
  const stepMs = history.value?.step_ms ?? 60_000;
  const looked = query.trim().toLowerCase();
  const found = models
    .filter(({ model }) => model.toLowerCase().includes(looked))
    .toSorted((a, b) => b.workers - a.workers || (a.model < b.model ? -1 : 1));

  const columns: readonly Column<ModelSummary>[] = [
    { title: "Model", cell: ({ model }) => <a href={href.model(model)}>{model}</a> },
    {
      title: "Ready",
      cell: ({ slots_free }) =>
        slots_free > 0 ? <StatusDot tone="good">yes</StatusDot> : <StatusDot tone="busy">all busy</StatusDot>,
    },
    { title: "Free slots", cell: ({ slots_free }) => countText(slots_free), isNumber: true },
    {
      title: "Idle workers",
      cell: ({ idle_workers, workers }) => `${countText(idle_workers)} of ${countText(workers)}`,
      isNumber: true,
    },
    { title: "Hives", cell: ({ hives }) => countText(hives), isNumber: true },
    {
      title: "Requests a second",
      cell: ({ model }) => {
        const series = seriesOf(model);
        return (
          <Rate
            values={series && perSecond(series.requests, stepMs)}
            label={`Requests a second for ${model}, the last hour`}
          />
        );
      },
    },
    {
      title: "Tokens a second",
      cell: ({ model }) => {
        const series = seriesOf(model);
        const tokens = series && perSecond(summed([series.input_tokens, series.output_tokens]), stepMs);
        return <Rate values={tokens} label={`Tokens a second for ${model}, the last hour`} />;
      },
    },
    {
      title: "Talk to it",
      cell: ({ model }) => (
        <ButtonLink isCompact icon="chat" href={href.playground({ model })} label={`Try it: ${model}`}>
          Try it
        </ButtonLink>
      ),
    },
  ];
  return (
    <Card
      label="Models"
      title={models.length === 1 ? "1 model" : `${countText(models.length)} models`}
      actions={
        <div class="models-search">
          <TextField
            label="Search models"
            placeholder="Search models …"
            type="search"
            value={query}
            onInput={setQuery}
          />
        </div>
      }
    >
      <Table
        label="Models of the fleet"
        columns={columns}
        rows={found.slice(0, SHOWN_MAX)}
        rowKey={({ model }) => model}
      />
      {found.length === 0 && <p class="muted">No model has “{query}” in its name.</p>}
      {found.length > SHOWN_MAX && (
        <p class="small muted">and {countText(found.length - SHOWN_MAX)} more: search for them</p>
      )}
    </Card>
  );
}

/** Nothing where nobody asked for it within the hour. */
function Rate({
  values,
  label,
}: {
  readonly values: readonly (number | null)[] | undefined;
  readonly label: string;
}): JSX.Element {
  if (values === undefined || newest(values) === undefined) return <span class="muted">–</span>;
  return (
    <span class="rate">
      {rateText(newest(values))}
      <Sparkline values={values} label={label} />
    </span>
  );
}

function NoModels(): JSX.Element {
  return (
    <Empty icon="model" title="No model is loaded">
      <p class="muted">A worker brings its model with it. Start one on a hive that has room:</p>
      <pre class="commands small">hive worker start MODEL</pre>
      <p class="muted">An Ollama, vLLM or llama.cpp server that runs on a hive's machine is found by itself.</p>
    </Empty>
  );
}
