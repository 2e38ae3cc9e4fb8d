import type { EventsQuery } from "@hive-registry/client";
import type { JSX } from "preact";
import { useClient, useFleet } from "../app/context.ts";
import { href } from "../app/router.ts";
import { EventLines } from "../events/event-lines.tsx";
import { useEvents } from "../events/use-events.ts";
import { Card } from "../ui/parts.tsx";
import { Empty, ErrorBox, Skeleton } from "../ui/states.tsx";

/** So many are enough beside other things; the page of events has more. */
const SHOWN_MAX = 50;

/** What happened to one thing, newest first. */
export function EventsOf({ filter }: { readonly filter: Pick<EventsQuery, "hive_id" | "worker_id"> }): JSX.Element {
  const client = useClient();
  const fleet = useFleet();
  const { events, error, keyOf } = useEvents(client, filter, { isPaused: false });
  const all = <a href={href.events(filter.hive_id === undefined ? {} : { hive_id: filter.hive_id })}>All events</a>;
  if (events === undefined && error?.status === 404) {
    return (
      <Empty icon="events" title="Not kept yet">
        <p class="muted">This queen keeps no log of what happens; one of a later version does.</p>
      </Empty>
    );
  }
  return (
    <Card title="Events" actions={all}>
      {events === undefined && error !== undefined && (
        <ErrorBox title="News of what happens does not come" error={error} />
      )}
      {events === undefined && error === undefined && <Skeleton height={10} label="Loading what happened …" />}
      {events?.length === 0 && <p class="muted">Nothing happened since the queen started.</p>}
      {events !== undefined && events.length > 0 && (
        <EventLines events={events.slice(0, SHOWN_MAX)} keyOf={keyOf} nowMs={fleet.queenNowMs()} />
      )}
    </Card>
  );
}
