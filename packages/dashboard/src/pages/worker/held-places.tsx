import type { HeldPlaces as Held } from "@hive-registry/client";
import type { JSX } from "preact";
import { useClient, useFleet } from "../../app/context.ts";
import { useCall } from "../../app/use-call.ts";
import { ageText, countText, durationText } from "../../fleet-data/units.ts";
import { Card } from "../../ui/parts.tsx";
import { ErrorBox, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";

const ASK_EVERY_MS = 3_000;

type Place = Held["reservations"][number];

/** The places that are held at a worker: requests under way, and those who asked for a place and come themselves. */
export function HeldPlaces({ hiveId, workerId }: { readonly hiveId: string; readonly workerId: string }): JSX.Element {
  const client = useClient();
  const fleet = useFleet();
  const call = useCall(
    (signal) => client.heldPlaces({ hive_id: hiveId, worker_id: workerId }, { signal }),
    [client, hiveId, workerId],
    { everyMs: ASK_EVERY_MS },
  );
  const { reservations = [], left_out: leftOut = 0 } = call.value ?? {};
  return (
    <Card title="Reservations">
      <div class="stack">
        {call.error !== undefined && (
          <ErrorBox title="The queen did not say" error={call.error} onRetry={call.refresh} />
        )}
        {call.isLoading && <Skeleton height={4} label="Asking what is reserved …" />}
        {call.value !== undefined && reservations.length === 0 && (
          <p class="small muted">None: no request that the queen knows of is under way here.</p>
        )}
        {reservations.length > 0 && (
          <Table
            label="Places that are held, oldest first"
            columns={columnsAt(fleet.queenNowMs())}
            rows={reservations}
            rowKey={({ reservation_id }) => reservation_id}
          />
        )}
        {leftOut > 0 && <p class="small muted">and {countText(leftOut)} more</p>}
      </div>
    </Card>
  );
}

const columnsAt = (nowMs: number): readonly Column<Place>[] => [
  { title: "Reservation", cell: ({ reservation_id }) => <code class="wrap">{reservation_id}</code> },
  { title: "Made", cell: ({ created_at_ms }) => ageText(nowMs - created_at_ms) },
  {
    title: "Ends",
    cell: ({ expires_at_ms, handed_over }) =>
      `${handed_over ? "with the worker's next report, or" : "with its request, or"} in ${durationText(expires_at_ms - nowMs)}`,
  },
];
