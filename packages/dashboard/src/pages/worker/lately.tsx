import type { JSX } from "preact";
import { useClient, useFleet } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import { useCall } from "../../app/use-call.ts";
import { ageText, countText, UNKNOWN } from "../../fleet-data/units.ts";
import { whyText } from "../../playground/why.tsx";
import { Card, StatusDot } from "../../ui/parts.tsx";
import { ErrorBox, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { type Ending, latelyOf } from "./endings.ts";

const ASK_EVERY_MS = 3_000;
const CHOICES_MAX = 256;

/** What became of this worker when workers were chosen lately. */
export function Lately({ hiveId, workerId }: { readonly hiveId: string; readonly workerId: string }): JSX.Element {
  const client = useClient();
  const fleet = useFleet();
  const call = useCall(
    (signal) => client.choices({ hive_id: hiveId, worker_id: workerId, limit: CHOICES_MAX }, { signal }),
    [client, hiveId, workerId],
    { everyMs: ASK_EVERY_MS },
  );
  const nowMs = fleet.queenNowMs();
  const { choices = [], choices_total: total = 0 } = call.value ?? {};
  const endings = latelyOf(choices);
  const oldest = choices.at(-1);
  return (
    <Card title="Was it chosen lately?">
      <div class="stack">
        {call.error !== undefined && (
          <ErrorBox title="The queen did not say" error={call.error} onRetry={call.refresh} />
        )}
        {call.isLoading && <Skeleton height={8} label="Asking how workers were chosen …" />}
        {call.value !== undefined && (
          <p class="small muted">
            {oldest === undefined
              ? total === 0
                ? "Nobody asked the queen for a worker since she started."
                : `Of the queen's ${countText(total)} choices none that she remembers looked at this worker.`
              : `Now and then the queen writes down how a choice came about: ${choices.length} of those looked at this worker, the oldest ${ageText(nowMs - oldest.at_ms)}. Requests that went to it without her are not seen here.`}
          </p>
        )}
        {endings.length > 0 && (
          <Table
            label="How choices ended for this worker, the newest first"
            columns={columnsAt(nowMs)}
            rows={endings}
            rowKey={({ reason }) => reason ?? "chosen"}
          />
        )}
      </div>
    </Card>
  );
}

const columnsAt = (nowMs: number): readonly Column<Ending>[] => [
  {
    title: "What",
    cell: ({ reason, last, lastAtMs }) => (
      <StatusDot tone={reason === undefined ? "good" : "muted"}>
        {reason === undefined ? "chosen" : whyText(last, lastAtMs)}
      </StatusDot>
    ),
  },
  { title: "Times", isNumber: true, cell: ({ times }) => countText(times) },
  { title: "Last", cell: ({ lastAtMs }) => ageText(nowMs - lastAtMs) },
  {
    title: "Instead",
    cell: ({ reason, instead }) =>
      instead === undefined ? (
        reason === undefined ? (
          UNKNOWN
        ) : (
          "nobody"
        )
      ) : (
        <a class="wrap" href={href.worker(instead.hive_id, instead.worker_id)}>
          {instead.worker_id}
        </a>
      ),
  },
];
