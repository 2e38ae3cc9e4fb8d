import type { WorkerInfo } from "@hive-registry/client";
import type { JSX } from "preact";
import { useClient, useFleet } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import { PageHead } from "../../app/shell.tsx";
import { WorkerState } from "../../app/state-words.tsx";
import { useCall } from "../../app/use-call.ts";
import { bytesText, durationText, percentText, UNKNOWN } from "../../fleet-data/units.ts";
import { Why, whyText } from "../../playground/why.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Bar, ButtonLink, Card, Facts } from "../../ui/parts.tsx";
import { Empty, ErrorBox, Notice, Skeleton } from "../../ui/states.tsx";
import { EventsOf } from "../events-of.tsx";
import { placeText, slotsText } from "../worker-load.ts";
import { HeldPlaces } from "./held-places.tsx";
import { Lately } from "./lately.tsx";

/** How often the queen is asked whom she would choose. */
const ASK_EVERY_MS = 3_000;

/** One inference server: what it has to do, and why it is or is not chosen. */
export function WorkerPage({ hiveId, workerId }: { readonly hiveId: string; readonly workerId: string }): JSX.Element {
  const fleet = useFleet();
  fleet.version.value;
  const worker = fleet.registry.getHiveState(hiveId)?.workers.find(({ worker_id }) => worker_id === workerId);
  const trail = [
    { text: "Fleet", href: href.fleet() },
    { text: hiveId, href: href.hive(hiveId) },
  ];
  return (
    <>
      <PageHead title={workerId} trail={trail} beside={worker !== undefined && <WorkerState worker={worker} />}>
        {worker?.model_id !== undefined && (
          <ButtonLink icon="chat" href={href.playground({ model: worker.model_id })}>
            Try its model
          </ButtonLink>
        )}
      </PageHead>
      {worker === undefined && !fleet.isKnown.value && <Skeleton height={20} label="The worker is on its way" />}
      {worker === undefined && fleet.isKnown.value && (
        <Empty icon="search" title={`${hiveId} has no worker ${workerId}`}>
          <p class="muted">It ended, or its hive is not heard any more. Below is what is remembered of it.</p>
          <ButtonLink href={href.hive(hiveId)}>To its hive</ButtonLink>
        </Empty>
      )}
      {worker !== undefined && <WorkerFacts worker={worker} />}
      {worker?.model_id !== undefined && <Chosen hiveId={hiveId} workerId={workerId} model={worker.model_id} />}
      {worker !== undefined && <Lately hiveId={hiveId} workerId={workerId} />}
      {worker !== undefined && <HeldPlaces hiveId={hiveId} workerId={workerId} />}
      <EventsOf filter={{ hive_id: hiveId, worker_id: workerId }} />
    </>
  );
}

function WorkerFacts({ worker }: { readonly worker: WorkerInfo }): JSX.Element {
  const { url, model_id: model, slots_total: slots, slots_busy: busy, kv_cache_percent: cache } = worker;
  const others = worker.models?.filter((one) => one !== model) ?? [];
  return (
    <Card label="Facts">
      <Facts
        facts={[
          [
            "Model",
            model === undefined ? (
              UNKNOWN
            ) : (
              <a key="model" href={href.model(model)}>
                {model}
              </a>
            ),
          ],
          [
            "Slots in use",
            <span key="slots">
              {slotsText(worker)}
              {slots !== undefined && <Bar value={busy ?? 0} max={slots} />}
            </span>,
          ],
          [
            "KV cache",
            <span key="cache">
              {percentText(cache)}
              {cache !== undefined && <Bar value={cache} max={100} />}
            </span>,
          ],
          ["GPU", percentText(worker.gpu_percent)],
          ["CPU", percentText(worker.cpu_percent)],
          ["VRAM", bytesText(worker.vram_bytes)],
          ["RAM", bytesText(worker.ram_bytes)],
          ["Computes on", placeText(worker)],
          ["Engine", worker.engine ?? UNKNOWN],
          ["Health", worker.health_status],
          [
            "Address",
            url === undefined ? (
              "none: it is listed, and never chosen"
            ) : (
              <span key="url" class="with-copy">
                <code class="wrap">{url}</code> <CopyButton text={url} label="Copy the worker's address" />
              </span>
            ),
          ],
          ...(others.length === 0 ? [] : [["Serves also", others.join(", ")] as const]),
        ]}
      />
    </Card>
  );
}

/** Whether the queen would choose it now, and whom instead. */
function Chosen(props: { readonly hiveId: string; readonly workerId: string; readonly model: string }): JSX.Element {
  const { hiveId, workerId, model } = props;
  const client = useClient();
  const fleet = useFleet();
  const call = useCall((signal) => client.explain({ model }, { signal }), [client, model], { everyMs: ASK_EVERY_MS });
  const own = call.value?.candidates.find((one) => one.hive_id === hiveId && one.worker_id === workerId);
  const untilMs = own?.set_aside_until_ms;
  return (
    <Card
      title="Would it be chosen now?"
      actions={<span class="small muted">asked every {durationText(ASK_EVERY_MS)}</span>}
    >
      <div class="stack">
        {call.error !== undefined && (
          <ErrorBox title="The queen did not say" error={call.error} onRetry={call.refresh} />
        )}
        {call.isLoading && <Skeleton height={8} label="Asking whom the queen would choose …" />}
        {untilMs !== undefined && untilMs > fleet.queenNowMs() && (
          <Notice tone="warn">
            <strong>Set aside</strong> after a failure: it is tried again in{" "}
            {durationText(untilMs - fleet.queenNowMs())}. Each further failure doubles the pause, up to a minute.
          </Notice>
        )}
        {own !== undefined && (
          <p>
            {own.reason === undefined ? (
              <>
                <b>Yes</b>: of all workers of {model} it is the best one for a request without special wishes.
              </>
            ) : (
              <>
                <b>No</b>: {whyText(own, fleet.queenNowMs())}.
              </>
            )}{" "}
            <span class="muted">
              {own.requests === undefined
                ? ""
                : `It has ${own.requests} ${own.requests === 1 ? "request" : "requests"}${own.slots === undefined ? "" : ` in ${own.slots} slots`}, reservations included.`}
            </span>
          </p>
        )}
        {call.value !== undefined && <Why explanation={call.value} answerer={undefined} nowMs={fleet.queenNowMs()} />}
      </div>
    </Card>
  );
}
